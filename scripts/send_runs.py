"""Send to MLflow what training could not: `python scripts/send_runs.py FOLDER...`; folders below are looked through."""

import sys
from pathlib import Path

from trus.training.sending import send_folder


def main(folders: list[str]) -> int:
    if not folders or folders[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if folders else 2
    missing = [folder for folder in folders if not Path(folder).is_dir()]
    if missing:
        print(f"error: no such folder: {', '.join(missing)}", file=sys.stderr)
        return 1
    results = [result for folder in folders for result in send_folder(Path(folder))]
    for folder, sent, where in results:
        print(f"{folder}: {sent.describe(where) if sent else f'not sent: {where}'}")
    if not results:
        print(f"nothing is kept below {', '.join(folders)}")
    return int(any(sent is None or not sent.complete for _, sent, _ in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
