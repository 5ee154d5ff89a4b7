"""A picture as Mermaid's erDiagram, which many tools draw where they find it.

https://mermaid.js.org/syntax/entityRelationshipDiagram.html
"""

from __future__ import annotations

from diagrams.picture import Node, Picture, Reference


def source(picture: Picture) -> str:
    """Return the Mermaid source of ``picture``."""
    lines = [
        "---",
        f"title: {picture.title!r}",
        "---",
        "%% Made by scripts/erd from the tables. Do not edit.",
        "erDiagram",
        *(line for node in picture.nodes for line in _node(node)),
        *map(_reference, picture.references),
    ]
    return "\n".join(lines) + "\n"


def _node(node: Node) -> list[str]:
    fields = [
        "        " + " ".join(filter(None, (field.type, field.name, ", ".join(field.keys), note)))
        for field in node.fields
        for note in ('"null"' if field.null else "",)
    ]
    return [f"    {node.name} {{", *fields, "    }"]


def _reference(reference: Reference) -> str:
    parent = "|o" if reference.optional else "||"
    child = "o|" if reference.single else "o{"
    return f"    {reference.parent} {parent}--{child} {reference.child} : {reference.column}"
