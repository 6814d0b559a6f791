package e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSource;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.SessionCatalog.SessionContext;
import org.apache.iceberg.rest.RESTSessionCatalog;

/**
 * Does with real Java clients what each line of standard input asks for, and answers with one line each. A line is a
 * JSON object with "do" and its arguments; the answer is {"result": ...} or {"error": "..."}.
 */
public final class Clients {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, RESTSessionCatalog> CATALOGS = new HashMap<>();

  /** Keys are kept, as a service keeps them. */
  private static final Map<String, JWKSource<SecurityContext>> KEYS = new HashMap<>();

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
      case "list" -> list(ask);
      case "verify" -> verify(ask);
      default -> throw new IllegalArgumentException("unknown: " + ask);
    };
  }

  /** Starts a catalog under a name: its first token, and the catalog's configuration. */
  private static Object start(JsonNode ask) {
    var catalog = new RESTSessionCatalog();
    catalog.initialize(ask.get("catalog").asText(), strings(ask.get("properties")));
    CATALOGS.put(ask.get("catalog").asText(), catalog);
    return true;
  }

  /** The namespaces, for a user if there is one: the credentials of a user open a session of their own. */
  private static Object list(JsonNode ask) {
    var user = ask.get("user");
    var context =
        user == null
            ? SessionContext.createEmpty()
            : new SessionContext(
                user.get("session").asText(), null, strings(user.get("credentials")), Map.of());
    return CATALOGS.get(ask.get("catalog").asText()).listNamespaces(context, Namespace.empty()).toString();
  }

  /** What nimbus-jose-jwt, and so Spring Security, makes of a token. */
  private static Object verify(JsonNode ask) throws Exception {
    var uri = ask.get("jwks_uri").asText();
    if (!KEYS.containsKey(uri)) {
      var keys = JWKSourceBuilder.<SecurityContext>create(URI.create(uri).toURL());
      if (ask.has("keep_seconds")) {
        long keepMs = (long) (ask.get("keep_seconds").asDouble() * 1000);
        keys.rateLimited(false).refreshAheadCache(false).cache(keepMs, 5000);
      }
      KEYS.put(uri, keys.build());
    }
    var processor = new DefaultJWTProcessor<SecurityContext>();
    processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, KEYS.get(uri)));
    processor.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    var exactly = new JWTClaimsSet.Builder().issuer(ask.get("issuer").asText()).build();
    var required = Set.of("sub", "exp", "iat", "jti", "client_id");
    processor.setJWTClaimsSetVerifier(
        new DefaultJWTClaimsVerifier<>(ask.get("audience").asText(), exactly, required));
    return processor.process(ask.get("token").asText(), null).getSubject();
  }

  private static Map<String, String> strings(JsonNode object) {
    var map = new HashMap<String, String>();
    object.fields().forEachRemaining(field -> map.put(field.getKey(), field.getValue().asText()));
    return map;
  }
}
