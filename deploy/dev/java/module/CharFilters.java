package rasad.dev.module;

import java.io.Reader;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.charfilter.HTMLStripCharFilter;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.pattern.PatternReplaceCharFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingCharFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredCharFilter;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** {@code html_strip}, {@code mapping} and {@code pattern_replace}. */
final class CharFilters {
    private static final Pattern RULE = Pattern.compile("(.*)\\s*=>\\s*(.*)\\s*$", Pattern.DOTALL);

    private CharFilters() {}

    static List<PreConfiguredCharFilter> preConfigured() {
        return List.of(PreConfiguredCharFilter.singleton("html_strip", false, HTMLStripCharFilter::new));
    }

    static Map<String, AnalysisProvider<CharFilterFactory>> configurable() {
        return Map.of(
                "html_strip", (index, environment, name, settings) -> {
                    Set<String> kept = Set.copyOf(settings.getAsList("escaped_tags"));
                    return plain(name, text -> new HTMLStripCharFilter(text, kept));
                },
                "mapping", AnalysisProviderNeedingSettings.of((index, environment, name, settings) -> {
                    NormalizeCharMap map = characterMap(environment, settings);
                    return normalizing(name, text -> new MappingCharFilter(map, text));
                }),
                "pattern_replace", AnalysisProviderNeedingSettings.of((index, environment, name, settings) -> {
                    Pattern pattern = Patterns.required(settings, "pattern_replace");
                    String replacement = settings.get("replacement", "");
                    return normalizing(name, text -> new PatternReplaceCharFilter(pattern, replacement, text));
                }));
    }

    private static NormalizeCharMap characterMap(Environment environment, Settings settings) {
        List<String> rules = Analysis.getWordList(environment, settings, "mappings");
        if (rules == null) {
            throw new IllegalArgumentException("mapping requires either `mappings` or `mappings_path` to be configured");
        }
        NormalizeCharMap.Builder map = new NormalizeCharMap.Builder();
        for (String rule : rules) {
            Matcher parts = RULE.matcher(rule);
            if (!parts.find()) {
                throw new IllegalArgumentException("Invalid Mapping Rule : [" + rule + "]");
            }
            map.add(unescape(parts.group(1).trim()), unescape(parts.group(2).trim()));
        }
        return map.build();
    }

    /** A rule may give a character as {@code \}{@code u200C}, or escape a space, since the sides are trimmed. */
    private static String unescape(String side) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < side.length(); i++) {
            char c = side.charAt(i);
            if (c != '\\') {
                text.append(c);
                continue;
            }
            if (++i >= side.length()) {
                throw new IllegalArgumentException("Invalid escaped char in [" + side + "]");
            }
            c = side.charAt(i);
            switch (c) {
                case 'n' -> text.append('\n');
                case 't' -> text.append('\t');
                case 'r' -> text.append('\r');
                case 'b' -> text.append('\b');
                case 'f' -> text.append('\f');
                case 'u' -> {
                    if (i + 4 >= side.length()) {
                        throw new IllegalArgumentException("Invalid escaped char in [" + side + "]");
                    }
                    text.append((char) Integer.parseInt(side.substring(i + 1, i + 5), 16));
                    i += 4;
                }
                default -> text.append(c);
            }
        }
        return text.toString();
    }

    private static CharFilterFactory plain(String name, UnaryOperator<Reader> filter) {
        return new CharFilterFactory() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Reader create(Reader text) {
                return filter.apply(text);
            }
        };
    }

    private static CharFilterFactory normalizing(String name, UnaryOperator<Reader> filter) {
        return new NormalizingCharFilterFactory() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Reader create(Reader text) {
                return filter.apply(text);
            }
        };
    }
}
