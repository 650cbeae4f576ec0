"""Which designs are retrained, and what they are called."""

from dataclasses import replace

from bnas.architecture import Architecture, Design, Stage, Stem, Unit, digest, load_design
from bnas.data import Facts
from bnas.runs.retraining.selection import named, with_published

CIFAR = Facts(image_size=32, in_channels=3, num_classes=10)


def design(name: str, width: int) -> Design:
    stage = Stage(depth=1, width=width, unit=Unit())
    architecture = Architecture(skeleton="resnet", stem=Stem(width=width), stages=(stage,))
    return Design(name=name, architecture=architecture, image_size=32, num_classes=10)


def test_designs_are_called_what_they_call_themselves() -> None:
    found = named([load_design("resnet20-bireal"), design("mine", 8), design("yours", 12)])
    assert [(entry.name, entry.published) for entry, _ in found] == [
        ("resnet20-bireal", True),
        ("mine", False),
        ("yours", False),
    ]


def test_names_that_mislead_are_digests() -> None:
    several = [design("mine", 8), design("mine", 12), design("resnet20-bireal", 16)]
    found = named(several)
    assert [entry.name for entry, _ in found] == [digest(one.architecture) for one in several]
    assert not any(entry.published for entry, _ in found)


def test_an_architecture_is_there_once() -> None:
    first = design("mine", 8)
    assert [entry.name for entry, _ in named([first, replace(first, name="copy")])] == ["mine"]


def test_published_designs_for_the_same_images_come_beside() -> None:
    own = named([design("mine", 8)])
    found = [entry for entry, _ in with_published(own, None, CIFAR)]
    assert [found[0].name, *sorted(entry.name for entry in found[1:])] == [
        "mine",
        "bnn-plus-vgg",
        "resnet20-bireal",
        "resnet20-reactnet",
        "vgg-small",
    ]
    assert [entry.published for entry in found] == [False, True, True, True, True]


def test_a_design_that_is_published_is_marked_and_not_added_again() -> None:
    copied = named([replace(load_design("vgg-small"), name="copy")])
    found = [entry for entry, _ in with_published(copied, None, CIFAR)]
    assert sum(entry.digest == copied[0][0].digest for entry in found) == 1
    assert (found[0].name, found[0].published) == ("vgg-small", True)
