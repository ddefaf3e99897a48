"""One flow run that ends with the worker that started it, however the worker ends. Run as a script, by path."""

import os
import runpy

from flows.collecting import collect_seldom
from flows.serving.process_guard import die_with_parent

if __name__ == "__main__":
    die_with_parent(os.getppid())
    collect_seldom()
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
