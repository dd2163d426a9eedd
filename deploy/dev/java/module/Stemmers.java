package rasad.dev.module;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.bg.BulgarianStemFilter;
import org.apache.lucene.analysis.bn.BengaliStemFilter;
import org.apache.lucene.analysis.br.BrazilianStemFilter;
import org.apache.lucene.analysis.ckb.SoraniStemFilter;
import org.apache.lucene.analysis.cz.CzechStemFilter;
import org.apache.lucene.analysis.de.GermanLightStemFilter;
import org.apache.lucene.analysis.de.GermanMinimalStemFilter;
import org.apache.lucene.analysis.el.GreekStemFilter;
import org.apache.lucene.analysis.en.EnglishMinimalStemFilter;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.es.SpanishLightStemFilter;
import org.apache.lucene.analysis.es.SpanishPluralStemFilter;
import org.apache.lucene.analysis.fa.PersianStemFilter;
import org.apache.lucene.analysis.fi.FinnishLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianStemFilter;
import org.apache.lucene.analysis.hi.HindiStemFilter;
import org.apache.lucene.analysis.hu.HungarianLightStemFilter;
import org.apache.lucene.analysis.id.IndonesianStemFilter;
import org.apache.lucene.analysis.it.ItalianLightStemFilter;
import org.apache.lucene.analysis.lv.LatvianStemFilter;
import org.apache.lucene.analysis.no.NorwegianLightStemFilter;
import org.apache.lucene.analysis.no.NorwegianMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseLightStemFilter;
import org.apache.lucene.analysis.pt.PortugueseMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseStemFilter;
import org.apache.lucene.analysis.ru.RussianLightStemFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.sv.SwedishLightStemFilter;
import org.tartarus.snowball.SnowballStemmer;
import org.tartarus.snowball.ext.ArmenianStemmer;
import org.tartarus.snowball.ext.BasqueStemmer;
import org.tartarus.snowball.ext.CatalanStemmer;
import org.tartarus.snowball.ext.DanishStemmer;
import org.tartarus.snowball.ext.DutchStemmer;
import org.tartarus.snowball.ext.EnglishStemmer;
import org.tartarus.snowball.ext.EstonianStemmer;
import org.tartarus.snowball.ext.FinnishStemmer;
import org.tartarus.snowball.ext.FrenchStemmer;
import org.tartarus.snowball.ext.GermanStemmer;
import org.tartarus.snowball.ext.HungarianStemmer;
import org.tartarus.snowball.ext.IrishStemmer;
import org.tartarus.snowball.ext.ItalianStemmer;
import org.tartarus.snowball.ext.LithuanianStemmer;
import org.tartarus.snowball.ext.NorwegianStemmer;
import org.tartarus.snowball.ext.PorterStemmer;
import org.tartarus.snowball.ext.PortugueseStemmer;
import org.tartarus.snowball.ext.RomanianStemmer;
import org.tartarus.snowball.ext.RussianStemmer;
import org.tartarus.snowball.ext.SerbianStemmer;
import org.tartarus.snowball.ext.SpanishStemmer;
import org.tartarus.snowball.ext.SwedishStemmer;
import org.tartarus.snowball.ext.TurkishStemmer;

/** The languages of the filters {@code stemmer} and {@code snowball}, under the reference's names. */
final class Stemmers {
    private static final Map<String, UnaryOperator<TokenStream>> STEMMERS = new HashMap<>();
    private static final Map<String, Supplier<SnowballStemmer>> SNOWBALL = new HashMap<>();

    private Stemmers() {}

    private static void snowball(String name, Supplier<SnowballStemmer> make) {
        SNOWBALL.put(name, make);
        STEMMERS.put(name, tokens -> new SnowballFilter(tokens, make.get()));
    }

    static {
        snowball("armenian", ArmenianStemmer::new);
        snowball("basque", BasqueStemmer::new);
        snowball("catalan", CatalanStemmer::new);
        snowball("danish", DanishStemmer::new);
        snowball("dutch", DutchStemmer::new);
        snowball("english", EnglishStemmer::new);
        snowball("estonian", EstonianStemmer::new);
        snowball("finnish", FinnishStemmer::new);
        snowball("french", FrenchStemmer::new);
        snowball("german", GermanStemmer::new);
        snowball("hungarian", HungarianStemmer::new);
        snowball("irish", IrishStemmer::new);
        snowball("italian", ItalianStemmer::new);
        snowball("lithuanian", LithuanianStemmer::new);
        snowball("norwegian", NorwegianStemmer::new);
        snowball("porter", PorterStemmer::new);
        snowball("portuguese", PortugueseStemmer::new);
        snowball("romanian", RomanianStemmer::new);
        snowball("russian", RussianStemmer::new);
        snowball("serbian", SerbianStemmer::new);
        snowball("spanish", SpanishStemmer::new);
        snowball("swedish", SwedishStemmer::new);
        snowball("turkish", TurkishStemmer::new);

        STEMMERS.put("arabic", ArabicStemFilter::new);
        STEMMERS.put("bengali", BengaliStemFilter::new);
        STEMMERS.put("brazilian", BrazilianStemFilter::new);
        STEMMERS.put("bulgarian", BulgarianStemFilter::new);
        STEMMERS.put("czech", CzechStemFilter::new);
        // the name `english` is Porter's first stemmer in `stemmer`, and his second in `snowball`
        STEMMERS.put("english", PorterStemFilter::new);
        STEMMERS.put("porter", PorterStemFilter::new);
        STEMMERS.put("porter2", tokens -> new SnowballFilter(tokens, new EnglishStemmer()));
        STEMMERS.put("light_english", KStemFilter::new);
        STEMMERS.put("kstem", KStemFilter::new);
        STEMMERS.put("minimal_english", EnglishMinimalStemFilter::new);
        STEMMERS.put("possessive_english", EnglishPossessiveFilter::new);
        STEMMERS.put("light_finnish", FinnishLightStemFilter::new);
        STEMMERS.put("light_french", FrenchLightStemFilter::new);
        STEMMERS.put("minimal_french", FrenchMinimalStemFilter::new);
        STEMMERS.put("galician", GalicianStemFilter::new);
        STEMMERS.put("minimal_galician", GalicianMinimalStemFilter::new);
        STEMMERS.put("light_german", GermanLightStemFilter::new);
        STEMMERS.put("minimal_german", GermanMinimalStemFilter::new);
        STEMMERS.put("greek", GreekStemFilter::new);
        STEMMERS.put("hindi", HindiStemFilter::new);
        STEMMERS.put("light_hungarian", HungarianLightStemFilter::new);
        STEMMERS.put("indonesian", IndonesianStemFilter::new);
        STEMMERS.put("light_italian", ItalianLightStemFilter::new);
        STEMMERS.put("latvian", LatvianStemFilter::new);
        STEMMERS.put("light_norwegian", NorwegianLightStemFilter::new);
        STEMMERS.put("minimal_norwegian", NorwegianMinimalStemFilter::new);
        STEMMERS.put("persian", PersianStemFilter::new);
        STEMMERS.put("light_portuguese", PortugueseLightStemFilter::new);
        STEMMERS.put("minimal_portuguese", PortugueseMinimalStemFilter::new);
        STEMMERS.put("portuguese_rslp", PortugueseStemFilter::new);
        STEMMERS.put("light_russian", RussianLightStemFilter::new);
        STEMMERS.put("sorani", SoraniStemFilter::new);
        STEMMERS.put("light_spanish", SpanishLightStemFilter::new);
        STEMMERS.put("spanish_plural", SpanishPluralStemFilter::new);
        STEMMERS.put("light_swedish", SwedishLightStemFilter::new);
    }

    static UnaryOperator<TokenStream> stemmer(String language) {
        UnaryOperator<TokenStream> stemmer = STEMMERS.get(language.toLowerCase(Locale.ROOT));
        if (stemmer == null) {
            throw new IllegalArgumentException("Invalid stemmer class specified: " + language);
        }
        return stemmer;
    }

    static UnaryOperator<TokenStream> snowballFilter(String language) {
        Supplier<SnowballStemmer> make = SNOWBALL.get(language.toLowerCase(Locale.ROOT));
        if (make == null) {
            throw new IllegalArgumentException("Invalid stemmer class specified: " + language);
        }
        return tokens -> new SnowballFilter(tokens, make.get());
    }
}
