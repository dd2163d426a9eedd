package rasad.dev.launch;

import java.nio.file.Path;

/**
 * Formats the data folder (once) and runs the broker, in one JVM: two would cost a second more at every start.
 *
 * <p>Arguments: the properties file, the cluster id.
 */
public final class StartKafka {
    private StartKafka() {}

    public static void main(String[] arguments) {
        String properties = Path.of(arguments[0]).toAbsolutePath().toString();
        String[] format = {"format", "--ignore-formatted", "--cluster-id", arguments[1], "--config", properties};
        int code = kafka.tools.StorageTool.execute(format, System.out);
        if (code != 0) {
            System.exit(code);
        }
        kafka.Kafka.main(new String[] {properties});
    }
}
