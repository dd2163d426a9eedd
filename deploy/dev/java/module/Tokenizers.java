package rasad.dev.module;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.classic.ClassicTokenizer;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.core.LetterTokenizer;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.path.PathHierarchyTokenizer;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.apache.lucene.analysis.th.ThaiTokenizer;
import org.elasticsearch.index.analysis.PreConfiguredTokenizer;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** The tokenizers beside {@code standard}, which the server has. {@code ngram} and its kin are left out. */
final class Tokenizers {
    private Tokenizers() {}

    static List<PreConfiguredTokenizer> preConfigured() {
        return List.of(
                PreConfiguredTokenizer.singleton("keyword", KeywordTokenizer::new),
                PreConfiguredTokenizer.singleton("whitespace", WhitespaceTokenizer::new),
                PreConfiguredTokenizer.singleton("letter", LetterTokenizer::new),
                PreConfiguredTokenizer.singleton("classic", ClassicTokenizer::new),
                PreConfiguredTokenizer.singleton("uax_url_email", UAX29URLEmailTokenizer::new),
                PreConfiguredTokenizer.singleton("path_hierarchy", PathHierarchyTokenizer::new),
                PreConfiguredTokenizer.singleton("pattern", () -> new PatternTokenizer(Pattern.compile("\\W+"), -1)),
                PreConfiguredTokenizer.singleton("thai", ThaiTokenizer::new));
    }

    static Map<String, AnalysisProvider<TokenizerFactory>> configurable() {
        return Map.of(
                "keyword", (index, environment, name, settings) -> {
                    int buffer = settings.getAsInt("buffer_size", 256);
                    return factory(name, () -> new KeywordTokenizer(buffer));
                },
                "whitespace", (index, environment, name, settings) -> {
                    int longest = settings.getAsInt("max_token_length", 255);
                    return factory(name, () -> new WhitespaceTokenizer(Tokenizer.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, longest));
                },
                "letter", (index, environment, name, settings) -> factory(name, LetterTokenizer::new),
                "classic", (index, environment, name, settings) -> {
                    int longest = settings.getAsInt("max_token_length", 255);
                    return factory(name, () -> {
                        ClassicTokenizer tokenizer = new ClassicTokenizer();
                        tokenizer.setMaxTokenLength(longest);
                        return tokenizer;
                    });
                },
                "uax_url_email", (index, environment, name, settings) -> {
                    int longest = settings.getAsInt("max_token_length", 255);
                    return factory(name, () -> {
                        UAX29URLEmailTokenizer tokenizer = new UAX29URLEmailTokenizer();
                        tokenizer.setMaxTokenLength(longest);
                        return tokenizer;
                    });
                },
                "pattern", (index, environment, name, settings) -> {
                    Pattern pattern = Patterns.orElse(settings, "\\W+");
                    int group = settings.getAsInt("group", -1);
                    return factory(name, () -> new PatternTokenizer(pattern, group));
                },
                "thai", (index, environment, name, settings) -> factory(name, ThaiTokenizer::new));
    }

    private static TokenizerFactory factory(String name, Supplier<Tokenizer> make) {
        return TokenizerFactory.newFactory(name, make);
    }
}
