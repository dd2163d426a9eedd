package rasad.dev.module;

import java.io.IOException;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** A component that has no meaning without settings: naming it bare in an analyzer is refused, as upstream does. */
record AnalysisProviderNeedingSettings<T>(AnalysisProvider<T> inner) implements AnalysisProvider<T> {
    static <T> AnalysisProvider<T> of(AnalysisProvider<T> inner) {
        return new AnalysisProviderNeedingSettings<>(inner);
    }

    @Override
    public T get(IndexSettings index, Environment environment, String name, Settings settings) throws IOException {
        return inner.get(index, environment, name, settings);
    }

    @Override
    public boolean requiresAnalysisSettings() {
        return true;
    }
}
