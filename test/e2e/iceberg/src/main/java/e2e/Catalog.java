package e2e;

import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import org.apache.iceberg.inmemory.InMemoryCatalog;
import org.apache.iceberg.rest.RESTCatalogAdapter;
import org.apache.iceberg.rest.RESTCatalogServlet;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * Iceberg's own REST catalog, on loopback. It checks nobody. Arguments: port, warehouse (a file: URI). It prints a line of
 * JSON for each request, with the header fields that it came with.
 */
public final class Catalog {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    var catalog = new InMemoryCatalog();
    catalog.initialize("lake", Map.of("warehouse", args[1]));

    var server = new Server();
    var connector = new ServerConnector(server, 1, 1);
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(args[0]));
    server.addConnector(connector);
    var context = new ServletContextHandler();
    context.addServlet(new ServletHolder(new Recorded(new RESTCatalogAdapter(catalog))), "/*");
    server.setHandler(context);
    server.start();
    server.join();
  }

  private static final class Recorded extends RESTCatalogServlet {
    Recorded(RESTCatalogAdapter adapter) {
      super(adapter);
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
      var seen = JSON.createObjectNode();
      seen.put("method", request.getMethod()).put("path", request.getRequestURI());
      var headers = seen.putObject("headers");
      for (String name : Collections.list(request.getHeaderNames())) {
        var values = headers.putArray(name.toLowerCase());
        Collections.list(request.getHeaders(name)).forEach(values::add);
      }
      System.out.println(seen);
      try {
        super.service(request, response);
      } catch (jakarta.servlet.ServletException error) {
        throw new IOException(error);
      }
    }
  }
}
