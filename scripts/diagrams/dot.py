"""A picture in the language of Graphviz, which lays it out.

https://graphviz.org/doc/info/shapes.html#html
"""

from __future__ import annotations

from itertools import groupby

from diagrams.picture import Field, Node, Picture, Reference

#: Of each domain the colour of what is written and drawn, and of what lies behind it.
COLOURS = {
    "core": ("#3b5b92", "#e8eef8"),
    "db": ("#7a4a9c", "#f3eaf8"),
    "catalog": ("#2f7d4f", "#e6f4eb"),
    "commerce": ("#b0521c", "#fbeee5"),
    "finance": ("#8a6d00", "#faf4dc"),
    "marketing": ("#b02a5b", "#fbe8ef"),
    "target": ("#1b7c88", "#e3f3f5"),
}

#: Nearly every table refers to these. In the picture of the whole that is written, not drawn.
_EVERYWHERE = ("core", "db")

#: How an end of a line says how many there are.
_ONE, _NONE_OR_ONE, _ANY = "teetee", "teeodot", "crowodot"


def source(picture: Picture) -> str:
    """Return the DOT source of ``picture``."""
    domains = {node.name: node.domain for node in picture.nodes}
    is_whole = len({node.domain for node in picture.nodes if not node.is_stub}) > 1
    lines = [
        f'digraph "{picture.name}" {{',
        "  graph [rankdir=LR, nodesep=0.3, ranksep=1.1, pad=0.3, splines=true, "
        f'fontname="Helvetica", fontsize=20, labelloc=t, label=<{_title(picture, is_whole)}>];',
        '  node [shape=plain, fontname="Helvetica", fontsize=11];',
        "  edge [dir=both, arrowsize=0.8, penwidth=1.1];",
    ]
    for domain, nodes in groupby(picture.nodes, key=lambda node: node.domain):
        drawn = ["  " + _node(node, names_parents=is_whole) for node in nodes]
        if is_whole:
            colour, _ = COLOURS[domain]
            drawn = [
                f"  subgraph cluster_{domain} {{",
                f'    label="{domain}"; color="{colour}"; fontcolor="{colour}"; bgcolor="#fcfcfc";',
                *("  " + line for line in drawn),
                "  }",
            ]
        lines += drawn
    for reference in picture.references:
        parent, child = domains[reference.parent], domains[reference.child]
        is_written = is_whole and parent != child and parent in _EVERYWHERE
        if not is_written and reference.parent != reference.child:
            lines.append(_reference(reference, COLOURS[parent][0]))
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node, *, names_parents: bool) -> str:
    colour, paper = COLOURS[node.domain]
    if node.is_stub:
        style = (
            f'BORDER="1" STYLE="DASHED" COLOR="{colour}" BGCOLOR="{paper}" CELLPADDING="5" '
            f'WIDTH="{_width(node.name) + 10}"'
        )
        cell = f'<TD {style} PORT="id_r"><FONT COLOR="{colour}">{node.name}</FONT></TD>'
        return f'"{node.name}" [label=<<TABLE BORDER="0" CELLBORDER="0"><TR>{cell}</TR></TABLE>>];'
    head = (
        f'<TR><TD COLSPAN="3" BGCOLOR="{colour}" CELLPADDING="5" '
        f'WIDTH="{_width(node.name, bold=True) + 10}">'
        f'<FONT COLOR="white"><B>{node.name}</B></FONT></TD></TR>'
    )
    kinds = [_kind(node, field, names_parents) for field in node.fields]
    widths = (
        max(_width(" ".join(field.keys), size=8) for field in node.fields),
        max(_width(field.name, bold="PK" in field.keys) for field in node.fields),
        max(map(_width, kinds)),
    )
    rows = "".join(
        _row(field, kind, paper if field.keys else "white", widths)
        for field, kind in zip(node.fields, kinds, strict=True)
    )
    table = f'<TABLE BORDER="1" COLOR="{colour}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">'
    return f'"{node.name}" [label=<{table}{head}{rows}</TABLE>>];'


def _kind(node: Node, field: Field, names_parents: bool) -> str:
    """Return a field's type, or what it refers to where no line says it."""
    kind = field.type
    if field.refers_to == node.name:  # a line to where it begins would be in the way of others
        kind = "→ itself"
    elif field.refers_to and names_parents:
        kind = f"→ {field.refers_to}"
    return f"{kind} null" if field.null else kind


def _row(field: Field, kind: str, paper: str, widths: tuple[int, int, int]) -> str:
    keys = " ".join(field.keys) or " "
    name = f"<B>{field.name}</B>" if "PK" in field.keys else field.name
    first, second, third = (f'ALIGN="LEFT" BGCOLOR="{paper}" WIDTH="{width}"' for width in widths)
    return (
        f'<TR><TD {first} PORT="{field.name}_l"><FONT POINT-SIZE="8">{keys}</FONT></TD>'
        f"<TD {second}>{name}</TD>"
        f'<TD {third} PORT="{field.name}_r"><FONT COLOR="#666666">{kind}</FONT></TD></TR>'
    )


def _width(text: str, *, size: int = 11, bold: bool = False) -> int:
    """Return the points that ``text`` needs in the widest fonts it may be shown in.

    Graphviz measures in Helvetica; where there is none, text would leave its cell.
    """
    return round(len(text) * size * (0.68 if bold else 0.6)) + 4


def _title(picture: Picture, is_whole: bool) -> str:
    lines = ["PK primary key, FK foreign key, UK unique key", "dashed line: may be null"]
    if is_whole:
        lines[1] += "; → refers to, where it is core or db without a line"
    elif any(node.is_stub for node in picture.nodes):
        lines[1] += "; dashed box: of another domain"
    small = "".join(
        f'<TR><TD><FONT POINT-SIZE="11" COLOR="#666666">{line}</FONT></TD></TR>' for line in lines
    )
    return f'<TABLE BORDER="0" CELLPADDING="3"><TR><TD>{picture.title}</TD></TR>{small}</TABLE>'


def _reference(reference: Reference, colour: str) -> str:
    """Return a line from the parent, on the left, to the child."""
    tail = _NONE_OR_ONE if reference.optional else _ONE
    head = _NONE_OR_ONE if reference.single else _ANY
    style = ", style=dashed" if reference.optional else ""
    return (
        f'  "{reference.parent}":id_r:e -> "{reference.child}":{reference.column}_l:w '
        f'[arrowtail={tail}, arrowhead={head}, color="{colour}"{style}];'
    )
