"""docs/erd/: the diagrams are of the tables there are."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest
from conftest import ROOT

from atlas import TABLES

sys.path.insert(0, str(ROOT / "scripts"))

from diagrams import dot, mermaid, svg
from diagrams.picture import Picture, domain_of, pictures

FOLDER = ROOT / "docs" / "erd"
PICTURES = pictures()
DOMAINS = PICTURES[:-1]
REFERENCES = {
    (table._meta.tablename, key._meta.name, key._foreign_key_meta.resolved_references)
    for table in TABLES
    for key in table._meta.foreign_key_columns
}
each = pytest.mark.parametrize("picture", PICTURES, ids=[picture.name for picture in PICTURES])


def texts(picture: Picture) -> list[str]:
    """Return what is written on an SVG."""
    tree = ElementTree.parse(FOLDER / f"{picture.name}.svg")  # noqa: S314 - our own file
    return [
        element.text or "" for element in tree.iter() if element.tag.rpartition("}")[2] == "text"
    ]


@each
def test_the_mermaid_source_is_of_today(picture: Picture) -> None:
    """The file is what scripts/erd would write now. If it fails: run scripts/erd."""
    assert (FOLDER / f"{picture.name}.mmd").read_text() == mermaid.source(picture)


@each
def test_the_svg_is_of_today(picture: Picture) -> None:
    """The file was drawn from today's tables, and left as it is. If it fails: run scripts/erd."""
    assert svg.is_drawn_from(dot.source(picture), (FOLDER / f"{picture.name}.svg").read_text())


def test_there_are_eight_pictures() -> None:
    """Each domain has one, and the whole; nothing is left of a domain that is gone."""
    names = [picture.name for picture in PICTURES]
    assert names == [*dict.fromkeys(map(domain_of, TABLES)), "all"]
    expected = {f"{name}.{suffix}" for name in names for suffix in ("mmd", "svg")}
    assert {path.name for path in FOLDER.iterdir()} == {*expected, "README.md"}
    links = re.findall(r"\]\(([^):]+)\)", (FOLDER / "README.md").read_text())
    assert set(links) == expected


def test_every_column_is_in_its_domain() -> None:
    """Of each of the 38 tables all columns are on one picture, with type, keys and null."""
    drawn = [node for picture in DOMAINS for node in picture.nodes if not node.is_stub]
    assert len(drawn) == 38
    for table in TABLES:
        (node,) = [node for node in drawn if node.name == table._meta.tablename]
        assert [field.name for field in node.fields] == [c._meta.name for c in table._meta.columns]
    fields = {(node.name, field.name): field for node in drawn for field in node.fields}
    assert fields["commerce_order", "id"].keys == ("PK",)
    assert fields["commerce_order", "number"].keys == ("UK",)
    assert fields["commerce_order", "entity_id"].keys == ("FK", "UK")
    assert fields["db_person_tag", "tag_id"].keys == ("PK", "FK")
    assert fields["commerce_order", "customer_id"].null
    types = {name: fields["catalog_price", name].type for name in ("amount", "valid_from", "tier")}
    assert types == {"amount": "decimal", "valid_from": "date", "tier": "text"}
    assert fields["catalog_price", "min_quantity"].type == "integer"
    assert fields["core_unit", "is_active"].type == "bool"
    assert fields["core_unit", "created_at"].type == "timestamp"


def test_every_reference_is_drawn_once() -> None:
    """Each foreign key is on its domain's picture and on that of the whole, both ends there."""
    for group in ([PICTURES[-1]], DOMAINS):
        drawn = [
            (reference.child, reference.column, reference.parent)
            for picture in group
            for reference in picture.references
        ]
        assert sorted(drawn) == sorted((c, k, p._meta.tablename) for c, k, p in REFERENCES)
        for picture in group:
            names = {node.name for node in picture.nodes}
            assert all({r.child, r.parent} <= names for r in picture.references)


def test_stubs_are_of_other_domains() -> None:
    """A table of another domain is a box without columns but its key; the whole has none."""
    for picture in DOMAINS:
        for node in picture.nodes:
            assert node.is_stub == (node.domain != picture.name)
            assert not node.is_stub or [field.name for field in node.fields] == ["id"]
    assert not any(node.is_stub for node in PICTURES[-1].nodes)


def test_ends_say_how_many() -> None:
    """A required parent is exactly one, an optional one none or one; a unique key has one child."""
    whole = {(r.child, r.column): r for r in PICTURES[-1].references}
    lines = set(mermaid.source(PICTURES[-1]).splitlines())
    assert not whole["commerce_order_line", "order_id"].optional
    assert "    commerce_order ||--o{ commerce_order_line : order_id" in lines
    assert whole["commerce_order", "customer_id"].optional
    assert "    db_person |o--o{ commerce_order : customer_id" in lines
    assert whole["marketing_lead", "order_id"].single
    assert "    commerce_order |o--o| marketing_lead : order_id" in lines
    source = dot.source(DOMAINS[3])
    assert re.search(
        r'order_id_l:w \[arrowtail=teetee, arrowhead=crowodot, color="#b0521c"\]', source
    )
    assert re.search(r"customer_id_l:w \[arrowtail=teeodot, arrowhead=crowodot, .*dashed", source)


@each
def test_the_svg_shows_what_the_source_says(picture: Picture) -> None:
    """It is well-formed, and has every name, in the colour of its domain."""
    written = texts(picture)
    assert picture.title in written
    text = (FOLDER / f"{picture.name}.svg").read_text()
    for node in picture.nodes:
        assert node.name in written
        assert dot.COLOURS[node.domain][0] in text
        if not node.is_stub:
            assert {field.name for field in node.fields} <= set(written)
    lines = dot.source(picture).count(" -> ")
    assert text.count('class="edge"') == lines
    itself = sum(r.child == r.parent for r in picture.references)
    assert sum(each.startswith("→ itself") for each in written) == itself
    if picture.name != "all":
        assert lines == len(picture.references) - itself


@each
def test_mermaid_is_of_its_grammar(picture: Picture) -> None:
    """Every line is a table, a column or a relationship."""
    body = mermaid.source(picture).split("erDiagram\n")[1].splitlines()
    column = (
        r' {8}(text|integer|decimal|bool|date|timestamp) \w+( (PK|FK|UK)(, (FK|UK))*)?( "null")?'
    )
    grammar = rf" {{4}}\w+ \{{|{column}| {{4}}\}}| {{4}}\w+ (\|\||\|o)--(o\{{|o\|) \w+ : \w+"
    assert [line for line in body if not re.fullmatch(grammar, line)] == []


def test_a_change_is_noticed() -> None:
    """Another table, or a picture somebody touched, does not go with the seal."""
    source, drawn = "digraph {}", "<?xml?>\n<svg>x</svg>"
    sealed = svg.sealed(source, drawn)
    assert svg.is_drawn_from(source, sealed)
    assert not svg.is_drawn_from("digraph { a }", sealed)
    assert not svg.is_drawn_from(source, sealed.replace(">x<", ">y<"))
    assert not svg.is_drawn_from(source, drawn)
