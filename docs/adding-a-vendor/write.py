"""`make vendor NAME=zendra`: write the files of a new vendor from the template, and its line of the registry."""

import ast
import builtins
import re
import sys
from keyword import iskeyword
from pathlib import Path

from adapters.registry import ADAPTERS
from config.settings import Settings
from config.vendors import names_taken

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST = 24
"""With a longer name, lines of the template become longer than ours may be."""
FILES = {
    "adapter.py": "adapters/vendors/{name}.py",
    "card.py": "adapters/cards/{name}.py",
    "sandbox.py": "sandbox/vendors/{name}.py",
    "api.md": "tests/contract/{name}/api.md",
    "sample.py": "tests/contract/{name}/sample.py",
    "answers/erasure.json": "tests/contract/{name}/erasure.json",
    "answers/opt_in.json": "tests/contract/{name}/opt_in.json",
    "answers/opt_out.json": "tests/contract/{name}/opt_out.json",
}
REGISTRY = "adapters/registry.py"


def write(name: str, root: Path = ROOT) -> list[str]:
    """Write them below `root`; their paths. Exits with a sentence, and nothing written, where the name will not do."""
    if problem := _problem(name):
        sys.exit(f"{name or 'NAME'}: {problem}")
    paths = {template: path.format(name=name) for template, path in FILES.items()}
    hidden = f"tests/contract/{name}.py"
    if there := [path for path in (*paths.values(), hidden) if (root / path).exists()]:
        sys.exit(f"{name}: there is {there[0]} already")
    registry = _registered((root / REGISTRY).read_text(), name)
    for template, path in paths.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(_renamed((HERE / template).read_text(), name))
    (root / REGISTRY).write_text(registry)
    return [*paths.values(), REGISTRY]


def _problem(name: str) -> str | None:
    """Why no vendor can be called `name`."""
    if not NAME.fullmatch(name) or iskeyword(name):
        return "a name is of lower-case letters, digits and single underscores; no word of Python. Try NAME=acme_mail"
    if len(name) > LONGEST:
        return f"a name has at most {LONGEST} letters"
    if name in names_taken(Settings) - set(ADAPTERS):
        return f"a setting has this name. Try NAME={name}_api"
    if class_of(name) in {*dir(builtins), *_imported_by_the_template()}:
        return f"its class would be {class_of(name)}, which is something else already. Try NAME={name}_api"
    return None


def _imported_by_the_template() -> set[str]:
    trees = [ast.parse((HERE / template).read_text()) for template in FILES if template.endswith(".py")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {one.name for node in imports for one in node.names} - {"Zendra"}


def class_of(name: str) -> str:
    """`acme_mail` is AcmeMail."""
    return "".join(part.capitalize() for part in name.split("_"))


def _renamed(text: str, name: str) -> str:
    return text.replace("ZENDRA", name.upper()).replace("zendra", name).replace("Zendra", class_of(name))


def _registered(text: str, name: str) -> str:
    """With an import and an entry more, each where the alphabet has it."""
    imports = re.compile(r"from adapters\.vendors\.(\w+) import \w+\n")
    entries = re.compile(r'        "(\w+)": \w+,\n')
    text = _inserted(text, imports, name, f"from adapters.vendors.{name} import {class_of(name)}\n")
    return _inserted(text, entries, name, f'        "{name}": {class_of(name)},\n')


def _inserted(text: str, pattern: re.Pattern[str], name: str, line: str) -> str:
    found = list(pattern.finditer(text))
    after = next((match.start() for match in found if match[1] > name), found[-1].end())
    return text[:after] + line + text[after:]


if __name__ == "__main__":
    written = write(sys.argv[1] if sys.argv[1:] else "")
    sys.stdout.write("".join(f"{path}\n" for path in written))
    sys.stdout.write("Now: docs/adding-a-vendor.md. When the card has changed: make pages\n")
