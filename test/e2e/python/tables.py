"""Writes and reads tables with PyIceberg. A line is {"do": "<function below>", ...its arguments}; the answer is {"result": ...} or {"error": "..."}."""

import json
import sys

import pyarrow
from pyiceberg.catalog import load_catalog

catalogs = {}


def start(catalog, properties, table):
    """Starts a catalog under a name, with a table."""
    loaded = catalogs[catalog] = load_catalog(catalog, type="rest", **properties)
    loaded.create_namespace_if_not_exists(table.split(".")[0])
    return loaded.create_table(table, schema=pyarrow.schema([("id", pyarrow.int64())])).location()


def append(catalog, table, rows):
    """Appends rows in one commit."""
    catalogs[catalog].load_table(table).append(pyarrow.table({"id": list(range(rows))}))
    return rows


def count(catalog, table):
    """Counts the rows by reading them."""
    return catalogs[catalog].load_table(table).scan().to_arrow().num_rows


for line in sys.stdin:
    request = json.loads(line)
    do = {"start": start, "append": append, "count": count}[request.pop("do")]
    try:
        answer = {"result": do(**request)}
    except Exception as error:  # whatever the client raises is what the test looks at
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
