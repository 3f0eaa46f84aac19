"""Write anew what is generated of the vendors, and no plots: `python -m tests.flows.generated_pages`."""

import json
import runpy

from bench.report import FILE, pages

if __name__ == "__main__":
    for module in ("adapters.card_tables", "config.env_example"):
        runpy.run_module(module, run_name="__main__")
    for path, text in pages(json.loads(FILE.read_text())).items():
        path.write_text(text)
