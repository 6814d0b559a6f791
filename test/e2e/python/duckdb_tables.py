"""Writes and reads tables with DuckDB. A line is {"do": "<function below>", ...its arguments}; the answer is {"result": ...} or {"error": "..."}."""

import importlib.resources
import json
import sys

import duckdb

connection = duckdb.connect()
version = connection.execute("PRAGMA version").fetchone()[0]
for extension in ("httpfs", "avro", "iceberg"):
    # Each comes as a package with one file, which is loaded where it is: nothing is installed for other programs.
    files = importlib.resources.files(f"duckdb_extension_{extension}")
    connection.load_extension(str(files / "extensions" / version / f"{extension}.duckdb_extension"))


def start(catalog, properties, table):
    """Attaches a catalog under a name, and makes a table."""
    client_id, secret = properties["credential"].split(":")
    tokens = properties["oauth2-server-uri"]
    connection.execute(
        f"CREATE SECRET {catalog} (TYPE iceberg, CLIENT_ID '{client_id}', CLIENT_SECRET '{secret}',"
        f" OAUTH2_SERVER_URI '{tokens}', OAUTH2_SCOPE 'catalog')"
    )
    connection.execute(
        f"ATTACH '' AS {catalog} (TYPE iceberg, ENDPOINT '{properties['uri']}', SECRET {catalog},"
        " ACCESS_DELEGATION_MODE 'none')"
    )
    connection.execute(f"CREATE SCHEMA {catalog}.{table.split('.')[0]}")
    connection.execute(f"CREATE TABLE {catalog}.{table} (id BIGINT)")
    return True


def append(catalog, table, rows):
    """Appends rows in one commit."""
    connection.execute(f"INSERT INTO {catalog}.{table} SELECT range FROM range({rows})")
    return rows


def count(catalog, table):
    """Counts the rows by reading them."""
    return connection.execute(f"SELECT count(*) FROM {catalog}.{table}").fetchone()[0]


for line in sys.stdin:
    request = json.loads(line)
    do = {"start": start, "append": append, "count": count}[request.pop("do")]
    try:
        answer = {"result": do(**request)}
    except Exception as error:  # whatever DuckDB raises is what the test looks at
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
