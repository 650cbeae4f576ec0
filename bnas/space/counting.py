"""The exact number of points of a space."""

from bnas.space.variables import Point, Variables, dead_end


def count_points(variables: Variables, space: str) -> int:
    """Follows the decisions with a memory of those that later ones depend on.

    So independent decisions multiply, and stages do not have to be enumerated together.

    Raises:
        InvalidSpace: Some decisions leave a choice without a valid option.
    """
    live = _live(variables)
    counts: dict[tuple[object, ...], int] = {}

    def count(position: int, point: Point) -> int:
        if position == len(variables.all):
            return 1
        key = (position, *(point.get(name) for name in live[position]))
        if key not in counts:
            counts[key] = branches(position, point)
        return counts[key]

    def branches(position: int, point: Point) -> int:
        variable = variables.all[position]
        options = variables.options(variable, point)
        if options is None:
            return count(position + 1, point)
        if not options:
            raise dead_end(space, variable.name, point)
        return sum(count(position + 1, {**point, variable.name: option}) for option in options)

    return count(0, {})


def _live(variables: Variables) -> list[tuple[str, ...]]:
    """For each position, the earlier decisions that it or a later one depends on."""
    names = [variable.name for variable in variables.all]
    return [
        tuple(
            names[i]
            for i in sorted(
                {i for link in variables.links if max(link) >= k for i in link if i < k}
            )
        )
        for k in range(len(names))
    ]
