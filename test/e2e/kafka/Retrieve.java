import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever;
import org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever;
import org.apache.kafka.common.security.oauthbearer.JwtRetriever;

/** Kafka's own retriever of tokens, with settings from the command line (`name=value`). Prints the token. */
public final class Retrieve {
  public static void main(String[] arguments) throws Exception {
    ConfigDef definition = new ConfigDef();
    org.apache.kafka.common.config.SaslConfigs.addClientSaslSupport(definition);
    Map<String, String> settings =
        Stream.of(arguments).skip(1).collect(Collectors.toMap(s -> s.split("=", 2)[0], s -> s.split("=", 2)[1]));
    JwtRetriever retriever =
        arguments[0].equals("assertion") ? new JwtBearerJwtRetriever() : new ClientCredentialsJwtRetriever();
    var jaas =
        new AppConfigurationEntry("x", AppConfigurationEntry.LoginModuleControlFlag.REQUIRED, Map.of());
    retriever.configure(definition.parse(settings), "OAUTHBEARER", List.of(jaas));
    try {
      System.out.println(retriever.retrieve());
    } finally {
      retriever.close();
    }
  }
}
