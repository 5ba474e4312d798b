"""Runs a module as `python -m` does, with no folder on the path but those that are meant to be there.

Started by its path (see `python_process.py`), so that only built-in modules are imported before the path is in order.
"""

import sys

_OWN_FOLDER = __file__.rpartition("/")[0]  # Python puts a script's folder first, in which modules have short names

if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry.startswith("/") and entry != _OWN_FOLDER]
    # This very package, even where another one is installed; everything else as it is found without its folder.
    sys.path.insert(0, _OWN_FOLDER.rsplit("/", 2)[0])
    import aimic_tui  # noqa: F401

    sys.path.append(sys.path.pop(0))

    import runpy

    _MODULE = sys.argv.pop(1)
    runpy.run_module(_MODULE, run_name="__main__", alter_sys=True)
