package e2e;

import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import org.apache.iceberg.Files;
import org.apache.iceberg.io.FileIO;
import org.apache.iceberg.io.InputFile;
import org.apache.iceberg.io.OutputFile;

/** Files of this machine, without Hadoop. */
public final class LocalFiles implements FileIO {
  @Override
  public void initialize(Map<String, String> properties) {}

  @Override
  public InputFile newInputFile(String location) {
    return Files.localInput(path(location).toFile());
  }

  @Override
  public OutputFile newOutputFile(String location) {
    return Files.localOutput(path(location).toFile());
  }

  @Override
  public void deleteFile(String location) {
    path(location).toFile().delete();
  }

  private static Path path(String location) {
    return location.startsWith("file:") ? Path.of(URI.create(location).getPath()) : Path.of(location);
  }
}
