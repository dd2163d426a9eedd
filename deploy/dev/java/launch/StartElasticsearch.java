package rasad.dev.launch;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node from the server's jars, without the distribution's own launcher.
 *
 * <p>Arguments: the home folder (it holds {@code modules/}), the configuration folder, then settings as {@code key=value}.
 */
public final class StartElasticsearch {
    private StartElasticsearch() {}

    public static void main(String[] arguments) {
        try {
            run(arguments);
        } catch (Throwable fault) {
            fault.printStackTrace();
            // the node's own threads are no daemons: without this a node that failed half-way would stay, answering nobody
            System.exit(1);
        }
    }

    private static void run(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]).toAbsolutePath();
        Path config = Path.of(arguments[1]).toAbsolutePath();
        Settings.Builder settings = Settings.builder().put("path.home", home.toString());
        for (int i = 2; i < arguments.length; i++) {
            String[] pair = arguments[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        System.setProperty("es.path.home", home.toString());
        System.setProperty("es.logs.base_path", settings.get("path.logs"));
        System.setProperty("es.logs.cluster_name", settings.get("cluster.name"));
        LogConfigurator.configureESLogging();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(
                settings.build(), Map.of(), config, () -> settings.get("cluster.name"));
        LogConfigurator.configureWithoutConfig(environment.settings());
        // false: on a class path the server is not a named module, so there are no module exports to widen
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
                PluginsLoader.loadModulesBundles(environment.modulesDir()),
                PluginsLoader.loadPluginsBundles(environment.pluginsDir()),
                Map.of(),
                false);
        Node node = new Node(environment, plugins);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception fault) {
                fault.printStackTrace();
            }
            stopped.countDown();
        }));
        node.start();
        stopped.await();
    }
}
