"""What an examination says of a package; plain values, because it comes out of another process."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class NetworkReport:
    """One network of a generator.

    Attributes:
        precision, file: which.
        parameters: elements of its constants.
        macs: multiplications of one frame.
        psnr_db: how near it comes to the golden picture in ONNX Runtime on the processor; None where it was not run,
            99 where they are equal.
    """

    precision: str
    file: str
    parameters: int
    macs: int
    psnr_db: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """A package that was found whole.

    Attributes:
        name, title, version, author, licence, kind, tags, teacher: as lens.toml says; printable texts.
        size_px: side of the square that a generator sees; None for an overlay.
        files: bytes of each file that lens.toml lists.
        networks: of a generator.
        fingerprint: SHA-256 of lens.toml, which has the hashes of all the rest.
        card: the text of CARD.md, printable lines, at most 20,000 characters; empty where there is none.
        run: its pictures were decoded and its networks run, and gave what they should.
    """

    name: str
    title: str
    version: str
    author: str
    licence: str
    kind: str
    tags: tuple[str, ...]
    teacher: str | None
    size_px: int | None
    files: Mapping[str, int]
    networks: tuple[NetworkReport, ...]
    fingerprint: str
    card: str
    run: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON carries them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return what `as_dict` made.

        Raises:
            TypeError, KeyError, ValueError: something else.
        """
        networks = tuple(NetworkReport(**network) for network in values.pop("networks"))
        return cls(tags=tuple(values.pop("tags")), networks=networks, **values)
