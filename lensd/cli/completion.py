"""`lensd completion`: what a shell needs to know."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_LENSD_COMPLETE"  # click looks for this name in the environment of `lensd`
_HELP = """Print the completion script for SHELL.

\b
bash: echo 'eval "$(lensd completion bash)"' >>~/.bashrc
zsh:  echo 'eval "$(lensd completion zsh)"' >>~/.zshrc
fish: lensd completion fish >~/.config/fish/completions/lensd.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the completion script for a shell."""
    from lensd.cli.group import group

    if (kind := get_completion_class(shell)) is not None:
        print(kind(group, {}, "lensd", _VARIABLE).source(), end="")
