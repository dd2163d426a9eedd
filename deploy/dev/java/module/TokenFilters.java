package rasad.dev.module;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.StopFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicNormalizationFilter;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.bn.BengaliNormalizationFilter;
import org.apache.lucene.analysis.br.BrazilianStemFilter;
import org.apache.lucene.analysis.cjk.CJKBigramFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.ckb.SoraniNormalizationFilter;
import org.apache.lucene.analysis.classic.ClassicFilter;
import org.apache.lucene.analysis.core.DecimalDigitFilter;
import org.apache.lucene.analysis.core.UpperCaseFilter;
import org.apache.lucene.analysis.cz.CzechStemFilter;
import org.apache.lucene.analysis.de.GermanNormalizationFilter;
import org.apache.lucene.analysis.el.GreekLowerCaseFilter;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.fa.PersianNormalizationFilter;
import org.apache.lucene.analysis.fa.PersianStemFilter;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishLowerCaseFilter;
import org.apache.lucene.analysis.hi.HindiNormalizationFilter;
import org.apache.lucene.analysis.in.IndicNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.KeepWordFilter;
import org.apache.lucene.analysis.miscellaneous.KeywordRepeatFilter;
import org.apache.lucene.analysis.miscellaneous.LengthFilter;
import org.apache.lucene.analysis.miscellaneous.LimitTokenCountFilter;
import org.apache.lucene.analysis.miscellaneous.PatternKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.SetKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.StemmerOverrideFilter;
import org.apache.lucene.analysis.miscellaneous.TrimFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.pattern.PatternReplaceFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.apache.lucene.analysis.sr.SerbianNormalizationFilter;
import org.apache.lucene.analysis.tr.ApostropheFilter;
import org.apache.lucene.analysis.tr.TurkishLowerCaseFilter;
import org.apache.lucene.analysis.util.ElisionFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** The token filters beside those of the server itself ({@code stop}, {@code shingle}, {@code hunspell}). */
final class TokenFilters {
    /** Filters that take no settings. True: may also stand in a {@code normalizer}, as the reference lists them. */
    private static final Map<String, Plain> PLAIN = new LinkedHashMap<>();

    private record Plain(boolean normalizes, UnaryOperator<TokenStream> filter) {}

    private TokenFilters() {}

    private static void plain(String name, boolean normalizes, UnaryOperator<TokenStream> filter) {
        PLAIN.put(name, new Plain(normalizes, filter));
    }

    static {
        plain("apostrophe", false, ApostropheFilter::new);
        plain("arabic_normalization", true, ArabicNormalizationFilter::new);
        plain("arabic_stem", false, ArabicStemFilter::new);
        plain("bengali_normalization", true, BengaliNormalizationFilter::new);
        plain("brazilian_stem", false, BrazilianStemFilter::new);
        plain("cjk_width", true, CJKWidthFilter::new);
        plain("classic", false, ClassicFilter::new);
        plain("czech_stem", false, CzechStemFilter::new);
        plain("decimal_digit", true, DecimalDigitFilter::new);
        plain("german_normalization", true, GermanNormalizationFilter::new);
        plain("hindi_normalization", true, HindiNormalizationFilter::new);
        plain("indic_normalization", true, IndicNormalizationFilter::new);
        plain("keyword_repeat", false, KeywordRepeatFilter::new);
        plain("kstem", false, KStemFilter::new);
        plain("persian_normalization", true, PersianNormalizationFilter::new);
        plain("persian_stem", false, PersianStemFilter::new);
        plain("porter_stem", false, PorterStemFilter::new);
        plain("remove_duplicates", false, RemoveDuplicatesTokenFilter::new);
        plain("reverse", false, ReverseStringFilter::new);
        plain("russian_stem", false, Stemmers.snowballFilter("russian"));
        plain("scandinavian_folding", true, ScandinavianFoldingFilter::new);
        plain("scandinavian_normalization", true, ScandinavianNormalizationFilter::new);
        plain("serbian_normalization", true, SerbianNormalizationFilter::new);
        plain("sorani_normalization", true, SoraniNormalizationFilter::new);
        plain("trim", true, TrimFilter::new);
        plain("uppercase", true, UpperCaseFilter::new);
    }

    /** Filters usable by their bare name, with their default settings. */
    static List<PreConfiguredTokenFilter> preConfigured() {
        List<PreConfiguredTokenFilter> filters = new ArrayList<>();
        PLAIN.forEach((name, plain) ->
                filters.add(PreConfiguredTokenFilter.singleton(name, plain.normalizes(), plain.filter()::apply)));
        filters.add(PreConfiguredTokenFilter.singleton("asciifolding", true, ASCIIFoldingFilter::new));
        filters.add(PreConfiguredTokenFilter.singleton("cjk_bigram", false, CJKBigramFilter::new));
        filters.add(PreConfiguredTokenFilter.singleton(
                "elision", true, tokens -> new ElisionFilter(tokens, FrenchAnalyzer.DEFAULT_ARTICLES)));
        filters.add(PreConfiguredTokenFilter.singleton(
                "edge_ngram", false, tokens -> new EdgeNGramTokenFilter(tokens, 1, 1, false)));
        filters.add(PreConfiguredTokenFilter.singleton(
                "ngram", false, tokens -> new NGramTokenFilter(tokens, 1, 2, false)));
        filters.add(PreConfiguredTokenFilter.singleton(
                "length", false, tokens -> new LengthFilter(tokens, 0, Integer.MAX_VALUE)));
        filters.add(PreConfiguredTokenFilter.singleton("limit", false, tokens -> new LimitTokenCountFilter(tokens, 1)));
        filters.add(PreConfiguredTokenFilter.singleton(
                "snowball", false, Stemmers.snowballFilter("english")::apply));
        filters.add(PreConfiguredTokenFilter.singleton("stemmer", false, PorterStemFilter::new));
        filters.add(PreConfiguredTokenFilter.singleton(
                "stop", false, tokens -> new StopFilter(tokens, EnglishAnalyzer.ENGLISH_STOP_WORDS_SET)));
        filters.add(PreConfiguredTokenFilter.singleton("truncate", false, tokens -> new TruncateTokenFilter(tokens, 10)));
        return filters;
    }

    /** Filters that an index configures under a name of its own, with {@code "type"} one of these. */
    static Map<String, AnalysisProvider<TokenFilterFactory>> configurable() {
        Map<String, AnalysisProvider<TokenFilterFactory>> filters = new LinkedHashMap<>();
        PLAIN.forEach((type, plain) -> filters.put(type, (index, environment, name, settings) ->
                plain.normalizes() ? normalizing(name, plain.filter()) : indexing(name, plain.filter())));
        filters.put("asciifolding", TokenFilters::asciiFolding);
        filters.put("cjk_bigram", (index, environment, name, settings) -> {
            boolean unigrams = settings.getAsBoolean("output_unigrams", false);
            int scripts = CJKBigramFilter.HAN | CJKBigramFilter.HIRAGANA | CJKBigramFilter.KATAKANA | CJKBigramFilter.HANGUL;
            return indexing(name, tokens -> new CJKBigramFilter(tokens, scripts, unigrams));
        });
        filters.put("edge_ngram", (index, environment, name, settings) -> {
            int shortest = settings.getAsInt("min_gram", 1);
            int longest = settings.getAsInt("max_gram", 2);
            boolean original = settings.getAsBoolean("preserve_original", false);
            return indexing(name, tokens -> new EdgeNGramTokenFilter(tokens, shortest, longest, original));
        });
        filters.put("ngram", TokenFilters::ngram);
        filters.put("elision", AnalysisProviderNeedingSettings.of((index, environment, name, settings) -> {
            CharArraySet articles = Analysis.parseArticles(environment, settings);
            if (articles == null) {
                throw new IllegalArgumentException("elision filter requires [articles] or [articles_path] setting");
            }
            return normalizing(name, tokens -> new ElisionFilter(tokens, articles));
        }));
        filters.put("keep", AnalysisProviderNeedingSettings.of((index, environment, name, settings) -> {
            // the server reads `keep_words_case` with it: true compares without regard to case
            CharArraySet words = Analysis.getWordSet(environment, settings, "keep_words");
            if (words == null) {
                throw new IllegalArgumentException("keep requires either `keep_words` or `keep_words_path`");
            }
            return indexing(name, tokens -> new KeepWordFilter(tokens, words));
        }));
        filters.put("keyword_marker", AnalysisProviderNeedingSettings.of(TokenFilters::keywordMarker));
        filters.put("length", (index, environment, name, settings) -> {
            int shortest = settings.getAsInt("min", 0);
            int longest = settings.getAsInt("max", Integer.MAX_VALUE);
            return indexing(name, tokens -> new LengthFilter(tokens, shortest, longest));
        });
        filters.put("limit", (index, environment, name, settings) -> {
            int most = settings.getAsInt("max_token_count", 1);
            boolean consumeAll = settings.getAsBoolean("consume_all_tokens", false);
            return indexing(name, tokens -> new LimitTokenCountFilter(tokens, most, consumeAll));
        });
        filters.put("lowercase", TokenFilters::lowercase);
        filters.put("pattern_replace", AnalysisProviderNeedingSettings.of((index, environment, name, settings) -> {
            Pattern pattern = Patterns.required(settings, "pattern_replace");
            String replacement = settings.get("replacement", "");
            boolean all = settings.getAsBoolean("all", true);
            return normalizing(name, tokens -> new PatternReplaceFilter(tokens, pattern, replacement, all));
        }));
        filters.put("snowball", (index, environment, name, settings) -> {
            String language = settings.get("language", settings.get("name", "English"));
            return indexing(name, Stemmers.snowballFilter(language));
        });
        filters.put("stemmer", (index, environment, name, settings) -> {
            String language = settings.get("language", settings.get("name", "porter"));
            return indexing(name, Stemmers.stemmer(language));
        });
        filters.put("stemmer_override", AnalysisProviderNeedingSettings.of(TokenFilters::stemmerOverride));
        filters.put("truncate", (index, environment, name, settings) -> {
            int length = settings.getAsInt("length", 10);
            return indexing(name, tokens -> new TruncateTokenFilter(tokens, length));
        });
        return filters;
    }

    private static TokenFilterFactory asciiFolding(
            IndexSettings index, Environment environment, String name, Settings settings) {
        boolean original = settings.getAsBoolean("preserve_original", false);
        // a normalizer may give one token only, so there the original is never kept beside the folded one
        return new Normalizing(
                name, tokens -> new ASCIIFoldingFilter(tokens, original), ASCIIFoldingFilter::new);
    }

    private static TokenFilterFactory ngram(
            IndexSettings index, Environment environment, String name, Settings settings) {
        int shortest = settings.getAsInt("min_gram", 1);
        int longest = settings.getAsInt("max_gram", 2);
        if (longest - shortest > index.getMaxNgramDiff()) {
            throw new IllegalArgumentException("The difference between max_gram and min_gram in NGram Tokenizer must be"
                    + " less than or equal to: [" + index.getMaxNgramDiff() + "] but was [" + (longest - shortest)
                    + "]. This limit can be set by changing the [index.max_ngram_diff] index level setting.");
        }
        boolean original = settings.getAsBoolean("preserve_original", false);
        return indexing(name, tokens -> new NGramTokenFilter(tokens, shortest, longest, original));
    }

    private static TokenFilterFactory lowercase(
            IndexSettings index, Environment environment, String name, Settings settings) {
        String language = settings.get("language");
        if (language == null) {
            return normalizing(name, LowerCaseFilter::new);
        }
        return switch (language) {
            case "greek" -> normalizing(name, GreekLowerCaseFilter::new);
            case "irish" -> normalizing(name, IrishLowerCaseFilter::new);
            case "turkish" -> normalizing(name, TurkishLowerCaseFilter::new);
            default -> throw new IllegalArgumentException("language [" + language + "] not support for lower case");
        };
    }

    private static TokenFilterFactory keywordMarker(
            IndexSettings index, Environment environment, String name, Settings settings) {
        String pattern = settings.get("keywords_pattern");
        boolean ignoreCase = settings.getAsBoolean("ignore_case", false);
        if (pattern != null) {
            if (settings.hasValue("keywords") || settings.hasValue("keywords_path")) {
                throw new IllegalArgumentException(
                        "cannot specify both `keywords_pattern` and `keywords` or `keywords_path`");
            }
            Pattern compiled = Pattern.compile(pattern, ignoreCase ? Pattern.CASE_INSENSITIVE : 0);
            return indexing(name, tokens -> new PatternKeywordMarkerFilter(tokens, compiled));
        }
        List<String> listed = Analysis.getWordList(environment, settings, "keywords");
        if (listed == null) {
            throw new IllegalArgumentException(
                    "keyword filter requires either `keywords`, `keywords_path`, or `keywords_pattern` to be configured");
        }
        CharArraySet keywords = new CharArraySet(listed, ignoreCase);
        return indexing(name, tokens -> new SetKeywordMarkerFilter(tokens, keywords));
    }

    private static TokenFilterFactory stemmerOverride(
            IndexSettings index, Environment environment, String name, Settings settings) throws IOException {
        List<String> rules = Analysis.getWordList(environment, settings, "rules");
        if (rules == null) {
            throw new IllegalArgumentException("stemmer override filter requires either `rules` or `rules_path` to be configured");
        }
        StemmerOverrideFilter.Builder map = new StemmerOverrideFilter.Builder(false);
        for (String rule : rules) {
            String[] sides = rule.split("=>", -1);
            if (sides.length != 2 || sides[1].isBlank() || sides[1].contains(",")) {
                throw new RuntimeException("Invalid Keyword override Rule:" + rule);
            }
            for (String word : sides[0].split(",")) {
                map.add(word.trim(), sides[1].trim());
            }
        }
        StemmerOverrideFilter.StemmerOverrideMap overrides = map.build();
        return indexing(name, tokens -> new StemmerOverrideFilter(tokens, overrides));
    }

    private static TokenFilterFactory indexing(String name, UnaryOperator<TokenStream> filter) {
        return new AbstractTokenFilterFactory(name) {
            @Override
            public TokenStream create(TokenStream tokens) {
                return filter.apply(tokens);
            }
        };
    }

    private static TokenFilterFactory normalizing(String name, UnaryOperator<TokenStream> filter) {
        return new Normalizing(name, filter, filter);
    }

    private static final class Normalizing extends AbstractTokenFilterFactory implements NormalizingTokenFilterFactory {
        private final UnaryOperator<TokenStream> index;
        private final UnaryOperator<TokenStream> normal;

        Normalizing(String name, UnaryOperator<TokenStream> index, UnaryOperator<TokenStream> normal) {
            super(name);
            this.index = index;
            this.normal = normal;
        }

        @Override
        public TokenStream create(TokenStream tokens) {
            return index.apply(tokens);
        }

        @Override
        public TokenStream normalize(TokenStream tokens) {
            return normal.apply(tokens);
        }
    }
}
