import pytest

from trus.serving.app import create_app
from trus.serving.settings import ServeSettings


@pytest.fixture(scope="module")
def document() -> dict:
    return create_app({}, ServeSettings(tokens=("0" * 64,))).openapi()


def operations(document: dict) -> list[tuple[str, dict]]:
    return [(path, each) for path, methods in document["paths"].items() for each in methods.values()]


def test_it_says_what_it_is(document):
    assert document["info"]["title"] == "trus"
    assert "Research use only" in document["info"]["description"]
    used = {tag for _, each in operations(document) for tag in each["tags"]}

    assert used <= {tag["name"] for tag in document["tags"]}


def test_every_route_names_its_problems(document):
    lacking = [
        (path, status)
        for path, each in operations(document)
        for status in ("401", "421", "429", "500", "503")
        if status not in each["responses"]
    ]

    assert lacking == []


def test_every_reference_is_defined(document):
    def references(part):
        if isinstance(part, dict):
            yield from ([part["$ref"]] if "$ref" in part else ())
            yield from (found for value in part.values() for found in references(value))
        elif isinstance(part, list):
            yield from (found for value in part for found in references(value))

    named = {reference.rpartition("/")[2] for reference in references(document)}

    assert "ProblemDocument" in named
    assert named <= {*document["components"]["schemas"]}


def test_a_token_is_asked_for_but_by_the_probes(document):
    assert document["security"] == [{"token": []}]
    assert document["paths"]["/readyz"]["get"]["security"] == []
    assert "security" not in document["paths"]["/v1/models"]["get"]


def test_without_tokens_none_is_described():
    assert "security" not in create_app({}, ServeSettings()).openapi()


def test_it_is_served_and_no_page_of_scripts_is(open_service, run):
    async def scenario():
        async with open_service() as client:
            return [(await client.get(path)) for path in ("/openapi.json", "/docs", "/redoc")]

    document, *pages = run(scenario())

    assert document.json()["openapi"].startswith("3.1")
    assert [page.status_code for page in pages] == [404, 404]
