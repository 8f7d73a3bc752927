"""Changing JupyterLab's theme as a person does: one change at a time."""

from __future__ import annotations

from typing import Any

LIGHT_THEME, DARK_THEME = "JupyterLab Light", "JupyterLab Dark"


def change_theme(page: Any, theme: str) -> None:
    """Change it and wait until the splash of the change is gone: a second change before that trips over the first."""
    page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    page.wait_for_function(
        "(light) => document.body.dataset.jpThemeLight === light && !document.querySelector('#jupyterlab-splash')",
        arg=str(theme == LIGHT_THEME).lower(),
    )
    page.wait_for_timeout(300)  # the splash comes and goes with a delay of its own
    page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')")
