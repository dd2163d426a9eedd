package rasad.dev.module;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.ar.ArabicAnalyzer;
import org.apache.lucene.analysis.bg.BulgarianAnalyzer;
import org.apache.lucene.analysis.bn.BengaliAnalyzer;
import org.apache.lucene.analysis.br.BrazilianAnalyzer;
import org.apache.lucene.analysis.ca.CatalanAnalyzer;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.ckb.SoraniAnalyzer;
import org.apache.lucene.analysis.cz.CzechAnalyzer;
import org.apache.lucene.analysis.da.DanishAnalyzer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.el.GreekAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.et.EstonianAnalyzer;
import org.apache.lucene.analysis.eu.BasqueAnalyzer;
import org.apache.lucene.analysis.fa.PersianAnalyzer;
import org.apache.lucene.analysis.fi.FinnishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishAnalyzer;
import org.apache.lucene.analysis.gl.GalicianAnalyzer;
import org.apache.lucene.analysis.hi.HindiAnalyzer;
import org.apache.lucene.analysis.hu.HungarianAnalyzer;
import org.apache.lucene.analysis.hy.ArmenianAnalyzer;
import org.apache.lucene.analysis.id.IndonesianAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.lt.LithuanianAnalyzer;
import org.apache.lucene.analysis.lv.LatvianAnalyzer;
import org.apache.lucene.analysis.nl.DutchAnalyzer;
import org.apache.lucene.analysis.no.NorwegianAnalyzer;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.apache.lucene.analysis.ro.RomanianAnalyzer;
import org.apache.lucene.analysis.ru.RussianAnalyzer;
import org.apache.lucene.analysis.sr.SerbianAnalyzer;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;
import org.apache.lucene.analysis.th.ThaiAnalyzer;
import org.apache.lucene.analysis.tr.TurkishAnalyzer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.indices.analysis.PreBuiltCacheFactory.CachingStrategy;

/** The language analyzers, with the settings {@code stopwords}, {@code stopwords_path} and {@code stem_exclusion}. */
final class Analyzers {
    private static final Map<String, Language> LANGUAGES = new LinkedHashMap<>();

    private record Language(CharArraySet stopwords, BiFunction<CharArraySet, CharArraySet, Analyzer> make) {}

    private Analyzers() {}

    private static void add(
            String name, CharArraySet stopwords, BiFunction<CharArraySet, CharArraySet, Analyzer> make) {
        LANGUAGES.put(name, new Language(stopwords, make));
    }

    /** A language whose analyzer does not stem, and so has no words to keep from stemming. */
    private static void addWithoutStemming(String name, CharArraySet stopwords, Function<CharArraySet, Analyzer> make) {
        add(name, stopwords, (stop, excluded) -> make.apply(stop));
    }

    static {
        add("arabic", ArabicAnalyzer.getDefaultStopSet(), ArabicAnalyzer::new);
        add("armenian", ArmenianAnalyzer.getDefaultStopSet(), ArmenianAnalyzer::new);
        add("basque", BasqueAnalyzer.getDefaultStopSet(), BasqueAnalyzer::new);
        add("bengali", BengaliAnalyzer.getDefaultStopSet(), BengaliAnalyzer::new);
        add("brazilian", BrazilianAnalyzer.getDefaultStopSet(), BrazilianAnalyzer::new);
        add("bulgarian", BulgarianAnalyzer.getDefaultStopSet(), BulgarianAnalyzer::new);
        add("catalan", CatalanAnalyzer.getDefaultStopSet(), CatalanAnalyzer::new);
        addWithoutStemming("cjk", CJKAnalyzer.getDefaultStopSet(), CJKAnalyzer::new);
        add("czech", CzechAnalyzer.getDefaultStopSet(), CzechAnalyzer::new);
        add("danish", DanishAnalyzer.getDefaultStopSet(), DanishAnalyzer::new);
        add("dutch", DutchAnalyzer.getDefaultStopSet(), DutchAnalyzer::new);
        add("english", EnglishAnalyzer.getDefaultStopSet(), EnglishAnalyzer::new);
        add("estonian", EstonianAnalyzer.getDefaultStopSet(), EstonianAnalyzer::new);
        add("finnish", FinnishAnalyzer.getDefaultStopSet(), FinnishAnalyzer::new);
        add("french", FrenchAnalyzer.getDefaultStopSet(), FrenchAnalyzer::new);
        add("galician", GalicianAnalyzer.getDefaultStopSet(), GalicianAnalyzer::new);
        add("german", GermanAnalyzer.getDefaultStopSet(), GermanAnalyzer::new);
        addWithoutStemming("greek", GreekAnalyzer.getDefaultStopSet(), GreekAnalyzer::new);
        add("hindi", HindiAnalyzer.getDefaultStopSet(), HindiAnalyzer::new);
        add("hungarian", HungarianAnalyzer.getDefaultStopSet(), HungarianAnalyzer::new);
        add("indonesian", IndonesianAnalyzer.getDefaultStopSet(), IndonesianAnalyzer::new);
        add("irish", IrishAnalyzer.getDefaultStopSet(), IrishAnalyzer::new);
        add("italian", ItalianAnalyzer.getDefaultStopSet(), ItalianAnalyzer::new);
        add("latvian", LatvianAnalyzer.getDefaultStopSet(), LatvianAnalyzer::new);
        add("lithuanian", LithuanianAnalyzer.getDefaultStopSet(), LithuanianAnalyzer::new);
        add("norwegian", NorwegianAnalyzer.getDefaultStopSet(), NorwegianAnalyzer::new);
        add("persian", PersianAnalyzer.getDefaultStopSet(), PersianAnalyzer::new);
        add("portuguese", PortugueseAnalyzer.getDefaultStopSet(), PortugueseAnalyzer::new);
        add("romanian", RomanianAnalyzer.getDefaultStopSet(), RomanianAnalyzer::new);
        add("russian", RussianAnalyzer.getDefaultStopSet(), RussianAnalyzer::new);
        add("serbian", SerbianAnalyzer.getDefaultStopSet(), SerbianAnalyzer::new);
        add("sorani", SoraniAnalyzer.getDefaultStopSet(), SoraniAnalyzer::new);
        add("spanish", SpanishAnalyzer.getDefaultStopSet(), SpanishAnalyzer::new);
        add("swedish", SwedishAnalyzer.getDefaultStopSet(), SwedishAnalyzer::new);
        addWithoutStemming("thai", ThaiAnalyzer.getDefaultStopSet(), ThaiAnalyzer::new);
        add("turkish", TurkishAnalyzer.getDefaultStopSet(), TurkishAnalyzer::new);
    }

    static List<PreBuiltAnalyzerProviderFactory> preBuilt() {
        return LANGUAGES.entrySet().stream()
                .map(entry -> new PreBuiltAnalyzerProviderFactory(entry.getKey(), CachingStrategy.ONE, () -> {
                    Language language = entry.getValue();
                    return language.make().apply(language.stopwords(), CharArraySet.EMPTY_SET);
                }))
                .toList();
    }

    static Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> configurable() {
        Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> providers = new LinkedHashMap<>();
        LANGUAGES.forEach((name, language) ->
                providers.put(name, (index, environment, given, settings) ->
                        new Configured(given, language, environment, settings)));
        return providers;
    }

    private static final class Configured extends AbstractIndexAnalyzerProvider<Analyzer> {
        private final Analyzer analyzer;

        Configured(String name, Language language, Environment environment, Settings settings) throws IOException {
            super(name);
            this.analyzer = language.make().apply(
                    Analysis.parseStopWords(environment, settings, language.stopwords()),
                    Analysis.parseStemExclusion(settings, CharArraySet.EMPTY_SET));
        }

        @Override
        public Analyzer get() {
            return analyzer;
        }
    }
}
