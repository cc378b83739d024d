package io.plumbline.benchmarks.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.plumbline.benchmarks.load.Exchange.Outcome;
import io.plumbline.benchmarks.load.FailoverPlot.Fault;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class FailoverPlotTest {
    private static final long BEGIN_NS = 1_000;

    private static Exchange exchange(Outcome outcome, double dueS, double tookS, String why) {
        long due = BEGIN_NS + (long) (dueS * TimeUnit.SECONDS.toNanos(1));
        long end = due + (long) (tookS * TimeUnit.SECONDS.toNanos(1));
        return new Exchange(outcome, due, due, new long[] {end}, end, 0, 1, 1, null, why);
    }

    @Test
    void eachRequestIsAPointWhereItWasDueAndEachFaultALine() throws Exception {
        String svg = new FailoverPlot(
                        List.of(
                                exchange(Outcome.ANSWERED, 0, 0.1, null),
                                exchange(Outcome.ANSWERED, 40, 10, null),
                                exchange(Outcome.FAILED, 20, 1, "<b>gone & \"lost\"</b>")),
                        List.of(new Fault("leader killed", 20, 25), new Fault("inference node killed", 30, Double.NaN)),
                        BEGIN_NS,
                        40)
                .svg();
        Document drawn = DocumentBuilderFactory.newDefaultInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
        assertEquals(2, drawn.getElementsByTagName("circle").getLength());
        Element early = (Element) drawn.getElementsByTagName("circle").item(0);
        Element late = (Element) drawn.getElementsByTagName("circle").item(1);
        assertEquals(870, number(late, "cx") - number(early, "cx"), 0.1, "all of the axis");
        assertEquals(160, number(early, "cy") - number(late, "cy"), 0.1, "two of its four decades");
        Element failed = (Element) drawn.getElementsByTagName("path").item(0);
        assertEquals("<b>gone & \"lost\"</b>", failed.getTextContent());
        assertEquals(2, drawn.getElementsByTagName("rect").getLength(), "the page, and the one that came back");
        assertTrue(svg.contains(">leader killed<") && svg.contains(">inference node killed<"), svg);
    }

    private static double number(Element of, String name) {
        return Double.parseDouble(of.getAttribute(name));
    }
}
