"""Search spaces by name or path."""

import os

from bnas.definitions import find, load_yaml
from bnas.definitions.document import read
from bnas.errors import InvalidSpace
from bnas.space.space import SearchSpace
from bnas.space.union import FORMS, form_of


def load_space(name_or_path: str | os.PathLike[str]) -> SearchSpace:
    """Reads `search_spaces/NAME.yaml` or the file at a path, and checks that every choice fits.

    Raises:
        InvalidSpace: There is no such file, or it does not describe a space.
    """
    path = find("search_spaces", name_or_path, InvalidSpace)
    form = form_of(read(path, InvalidSpace).value)
    definition = load_yaml(path, FORMS[form], InvalidSpace)
    try:
        space = SearchSpace(definition)
        _ = space.first_candidates
    except InvalidSpace as error:
        raise InvalidSpace(f"{path}: {error}") from None
    return space
