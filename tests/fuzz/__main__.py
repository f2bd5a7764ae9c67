"""`python -m tests.fuzz <target> <options of libFuzzer>` runs a target until something breaks; without words, lists."""

from __future__ import annotations

import sys


def main() -> None:
    """Instrument our code, which must not be imported before, and begin with pieces that get into it."""
    import atheris

    with atheris.instrument_imports(include=["dvcexp"]):
        from tests.support.fuzz_targets import PIECES, TARGETS

    if len(sys.argv) < 2:
        print(*TARGETS)
        return
    target = TARGETS[sys.argv.pop(1)]

    def run(data: bytes) -> None:
        """As libFuzzer gives it, or, every other time, as a choice of pieces: bytes alone rarely spell a keyword."""
        if data[:1] < b"\x80":
            target(data)
        else:
            target(b"".join(PIECES[byte] if byte < len(PIECES) else bytes([byte]) for byte in data[1:]))

    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
