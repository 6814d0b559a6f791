"""Creates a namespace and a table in Polaris, writes rows and reads them: needs pyiceberg[pyarrow]."""

import os
from pathlib import Path

import pyarrow
from pyiceberg.catalog import load_catalog

secret = (Path(__file__).parent / "secrets/spark-etl").read_text().strip()
catalog = load_catalog(
    "lake",
    type="rest",
    uri=os.environ.get("POLARIS", "http://127.0.0.1:8281") + "/api/catalog",
    warehouse="lake",
    credential=f"spark-etl:{secret}",
    **{
        "oauth2-server-uri": os.environ.get("TOKENS", "http://127.0.0.1:8181/v1/oauth/tokens"),
        # Local files need no credentials from the catalog.
        "header.X-Iceberg-Access-Delegation": "",
    },
)
catalog.create_namespace_if_not_exists("db")
rows = pyarrow.table({"id": list(range(1000))})
table = catalog.create_table_if_not_exists("db.numbers", schema=rows.schema)
table.append(rows)
print(len(catalog.load_table("db.numbers").scan().to_arrow()), "rows")
