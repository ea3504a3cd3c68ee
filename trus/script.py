"""Running a Hydra script so that a user's mistake ends in one clear error instead of a traceback."""

import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trus.errors import TrusError


def run_script(main: Callable[[], Any]) -> None:
    """Call a `@hydra.main` function; print what a user can mend as `error: ...` and exit with 1.

    With HYDRA_FULL_ERROR=1 in the environment every traceback is shown.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    # absolute: Hydra needs it for the sweep's folder before it knows of a working directory
    os.environ.setdefault("TRUS_OUTPUTS", str(Path(sys.argv[0]).resolve().parents[1] / "outputs"))
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra hand exceptions on instead of printing them itself
    try:
        main()
    except (TrusError, HydraException, OmegaConfBaseException) as error:
        sys.exit(f"error: {describe(error)}")
    except OSError as error:  # a full disk, a folder that may not be written
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def describe(error: BaseException) -> str:
    """The message of a TrusError in the chain of causes, or Hydra's own with the valid keys added."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, TrusError):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    cause = error.__cause__
    text = str(error) if cause is None or str(cause) in str(error) else f"{error}\n{cause}"
    return _missing_launcher(text) or text + _valid_keys(text)


def _missing_launcher(text: str) -> str | None:
    """What to install for Hydra's 'could not find' a launcher that conf/launcher builds on; None for other errors."""
    for name, base in (("joblib", "joblib"), ("slurm", "submitit_slurm")):
        if f"Could not find 'hydra/launcher/{base}'" in text:
            return f"launcher={name}: the package that it needs is not installed; pip install 'trus[sweep]'"
    return None


def _valid_keys(text: str) -> str:
    """For Hydra's 'could not override' the keys that the config has at that place."""
    words = text.split("'")
    if not text.startswith("Could not override") or len(words) < 2:
        return ""
    path = words[1].split(".")
    keys = _keys_at(path[:-1], without=words[1])
    if not keys:
        return ""
    close = difflib.get_close_matches(path[-1], keys, n=1)
    hint = f"\nDid you mean {'.'.join([*path[:-1], close[0]])}?" if close else ""
    where = ".".join(path[:-1]) or "the top level"
    return f"\nValid keys of {where}: {', '.join(keys)}{hint}"


def _keys_at(path: list[str], without: str) -> list[str]:
    """Keys of the config node at `path`, composed from the command line's group choices but the wrong one."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    script = Path(sys.argv[0]).resolve()
    words = [word for word in sys.argv[1:] if "=" in word and "," not in word]
    choices = [word for word in words if "." not in word.split("=")[0] and word.split("=")[0] != without]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(script.parent.parent / "conf"), version_base="1.3"):
            config: Any = compose(script.stem, choices)
        node = OmegaConf.select(config, ".".join(path)) if path else config
        return [str(key) for key in node] if OmegaConf.is_dict(node) else []
    except (HydraException, OmegaConfBaseException):  # the hint is a courtesy; the error itself has been found already
        return []
