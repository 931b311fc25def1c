"""The foreign verifier against the databases of a sandbox, and against copies that were changed.

    python verify_test.py GENERATED FOLDER

FOLDER is that of a sandbox that has ended. Ends with `N passed, M failed`.
"""

import pathlib
import sqlite3
import sys
import tempfile

from verify import fault

AGREEMENT = "shared/domain/src/agreement.toml"

# What is changed in a copy of PPC's database, and what the verifier names.
CHANGES = [
    ("UPDATE entry SET header = CAST(header || x'00' AS BLOB) WHERE journal = 'ppc' AND seq = 3", "journal ppc: entry 3: "),
    ("UPDATE entry SET signature = zeroblob(64) WHERE journal = 'ipa' AND seq = 2", "journal ipa: entry 2: no valid"),
    ("UPDATE entry SET fact = x'00' WHERE journal = 'ppc' AND seq = 4", "journal ppc: entry 4: "),
    ("UPDATE entry SET matter = 'agreement' WHERE journal = 'ppc' AND seq = 2", "journal ppc: entry 2: columns"),
    ("DELETE FROM entry WHERE journal = 'ipa' AND seq = 3", "journal ipa: entry 3: number"),
    ("UPDATE head SET seq = seq - 1 WHERE journal = 'ppc'", "journal ppc: the head does not repeat"),
    ("UPDATE receipt SET signature = zeroblob(64)", "receipt for "),
    ("DELETE FROM receipt", "journal ppc: the head has a receipt for "),
    ("UPDATE receipt_given SET up_to_seq = up_to_seq + 1000", "receipt_given for "),
    ("UPDATE entry SET ciphertext = NULL WHERE journal = 'ppc'", "journal ppc: entry "),
    ("UPDATE call SET official = 'nobody' WHERE seq = 1", "audit "),
]


def main(generated, folder):
    folder, passed, failed = pathlib.Path(folder), 0, 0

    def right(what, holds, found):
        nonlocal passed, failed
        passed, failed = passed + holds, failed + (not holds)
        print(f"{'ok    ' if holds else 'FAILED'} {what}{'' if holds else f': {found}'}")

    def verified(file):
        return fault(generated, str(file), str(folder / "ppc.toml"), str(folder / "ipa.toml"), AGREEMENT)

    for agency in ("ppc", "ipa"):
        found = verified(folder / agency / "renkei.db")
        right(f"a foreign verifier proves the database of {agency}", found is None, found)
    for change, named in CHANGES:
        with tempfile.TemporaryDirectory() as temporary:
            copy = pathlib.Path(temporary) / "copy.db"
            database = sqlite3.connect(copy)
            original = sqlite3.connect(f"file:{folder / 'ppc' / 'renkei.db'}?mode=ro", uri=True)
            original.backup(database)
            original.close()
            database.execute(change)
            database.commit()
            database.close()
            found = verified(copy)
            right(f"it names {change}", found is not None and found.startswith(named), found)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
