"""Write docs/erd/: each picture's Mermaid source and SVG."""

from __future__ import annotations

from pathlib import Path

from diagrams import dot, mermaid, svg
from diagrams.picture import pictures

_FOLDER = Path(__file__).parent.parent.parent / "docs" / "erd"

_FOLDER.mkdir(exist_ok=True)
for picture in pictures():
    (_FOLDER / f"{picture.name}.mmd").write_text(mermaid.source(picture))
svg.draw({picture.name: dot.source(picture) for picture in pictures()}, _FOLDER)
print(f"{_FOLDER}: {len(pictures())} diagrams")
