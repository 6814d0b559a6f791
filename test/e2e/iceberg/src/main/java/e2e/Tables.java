package e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.avro.Avro;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.avro.DataWriter;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.rest.RESTCatalog;
import org.apache.iceberg.types.Types;

/**
 * Writes and reads tables with Iceberg's Java client. A line of standard input is a JSON object with "do" and its
 * arguments; the answer is {"result": ...} or {"error": "..."}.
 */
public final class Tables {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Schema SCHEMA = new Schema(Types.NestedField.required(1, "id", Types.LongType.get()));
  private static final Map<String, RESTCatalog> CATALOGS = new HashMap<>();

  public static void main(String[] args) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      var answer = JSON.createObjectNode();
      try {
        answer.set("result", JSON.valueToTree(answer(JSON.readTree(line))));
      } catch (Exception error) { // whatever a client throws is what the test looks at
        answer.put("error", error.getClass().getSimpleName() + ": " + error.getMessage());
      }
      System.out.println(answer);
    }
    System.exit(0);
  }

  private static Object answer(JsonNode ask) throws Exception {
    return switch (ask.get("do").asText()) {
      case "start" -> start(ask);
      case "append" -> append(table(ask), ask.get("rows").asLong());
      case "count" -> count(table(ask));
      default -> throw new IllegalArgumentException("unknown: " + ask);
    };
  }

  /** Starts a catalog under a name, with a table. */
  private static String start(JsonNode ask) {
    var properties = new HashMap<String, String>();
    ask.get("properties").fields().forEachRemaining(each -> properties.put(each.getKey(), each.getValue().asText()));
    properties.put("io-impl", LocalFiles.class.getName());
    var catalog = new RESTCatalog();
    catalog.initialize(ask.get("catalog").asText(), properties);
    CATALOGS.put(ask.get("catalog").asText(), catalog);
    var id = TableIdentifier.parse(ask.get("table").asText());
    Namespace namespace = id.namespace();
    if (!catalog.namespaceExists(namespace)) catalog.createNamespace(namespace);
    return catalog.createTable(id, SCHEMA).location();
  }

  private static Table table(JsonNode ask) {
    return CATALOGS.get(ask.get("catalog").asText()).loadTable(TableIdentifier.parse(ask.get("table").asText()));
  }

  /** Appends rows in a data file, in one commit. */
  private static long append(Table table, long rows) throws Exception {
    var file = table.io().newOutputFile(table.location() + "/data/" + UUID.randomUUID() + ".avro");
    var writer =
        Avro.writeData(file)
            .schema(SCHEMA)
            .withSpec(PartitionSpec.unpartitioned())
            .createWriterFunc(DataWriter::create)
            .<Record>build();
    try (writer) {
      for (long id = 0; id < rows; id++) {
        var row = GenericRecord.create(SCHEMA);
        row.setField("id", id);
        writer.write(row);
      }
    }
    table.newAppend().appendFile(writer.toDataFile()).commit();
    return rows;
  }

  /** Counts the rows by reading them. */
  private static long count(Table table) throws Exception {
    long count = 0;
    try (CloseableIterable<Record> rows = IcebergGenerics.read(table).build()) {
      for (Record ignored : rows) count++;
    }
    return count;
  }
}
