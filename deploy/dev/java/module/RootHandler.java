package rasad.dev.module;

import java.util.List;
import org.apache.lucene.util.Version;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/** {@code GET /}: without it the official clients refuse the node (their product check reads it). */
final class RootHandler extends BaseRestHandler {
    private final Settings settings;

    RootHandler(Settings settings) {
        this.settings = settings;
    }

    @Override
    public String getName() {
        return "rasad_dev_root";
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        return channel -> {
            Build build = Build.current();
            try (XContentBuilder body = channel.newBuilder()) {
                body.startObject();
                body.field("name", settings.get("node.name", settings.get("cluster.name")));
                body.field("cluster_name", settings.get("cluster.name"));
                body.startObject("version");
                body.field("number", build.version());
                body.field("build_flavor", "default");
                body.field("build_type", "dev");
                body.field("build_hash", build.hash());
                body.field("build_snapshot", build.isSnapshot());
                body.field("lucene_version", Version.LATEST.toString());
                body.field("minimum_wire_compatibility_version", build.minWireCompatVersion());
                body.field("minimum_index_compatibility_version", build.minIndexCompatVersion());
                body.endObject();
                body.field("tagline", "You Know, for Search");
                body.endObject();
                channel.sendResponse(new RestResponse(RestStatus.OK, body));
            }
        };
    }
}
