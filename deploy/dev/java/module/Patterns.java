package rasad.dev.module;

import java.util.regex.Pattern;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;

/** The settings {@code pattern} and {@code flags}, as several components take them. */
final class Patterns {
    private Patterns() {}

    static Pattern required(Settings settings, String component) {
        String pattern = settings.get("pattern");
        if (pattern == null) {
            throw new IllegalArgumentException("pattern is missing for [" + component + "]");
        }
        return compile(pattern, settings);
    }

    static Pattern orElse(Settings settings, String fallback) {
        return compile(settings.get("pattern", fallback), settings);
    }

    private static Pattern compile(String pattern, Settings settings) {
        String flags = settings.get("flags");
        return Regex.compile(pattern, flags);
    }
}
