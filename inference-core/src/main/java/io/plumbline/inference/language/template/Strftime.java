package io.plumbline.inference.language.template;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** Dates and times as C's {@code strftime} writes them in the C locale. */
final class Strftime {
    private final LocalDateTime time;
    private final StringBuilder out = new StringBuilder();

    private Strftime(LocalDateTime time) {
        this.time = time;
    }

    static String format(Budget budget, LocalDateTime time, String format) {
        Strftime strftime = new Strftime(time);
        strftime.append(budget, format);
        return strftime.out.toString();
    }

    private void append(Budget budget, String format) {
        budget.characters(format.length());
        for (int at = 0; at < format.length(); at++) {
            char c = format.charAt(at);
            if (c != '%' || at + 1 == format.length()) {
                out.append(c);
                continue;
            }
            int from = at++;
            char flag = "-_0^#".indexOf(format.charAt(at)) >= 0 && at + 1 < format.length() ? format.charAt(at++) : 0;
            String text = directive(budget, format.charAt(at), flag);
            budget.characters(16);
            out.append(text != null ? text : format.substring(from, at + 1));
        }
    }

    private String directive(Budget budget, char directive, char flag) {
        int hour12 = time.getHour() % 12 == 0 ? 12 : time.getHour() % 12;
        int weekday = time.getDayOfWeek().getValue();
        return switch (directive) {
            case 'a' -> name(time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH), flag);
            case 'A' -> name(time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH), flag);
            case 'b', 'h' -> name(time.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH), flag);
            case 'B' -> name(time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH), flag);
            case 'p' -> name(time.getHour() < 12 ? "AM" : "PM", flag == '#' ? 'l' : flag);
            case 'P' -> time.getHour() < 12 ? "am" : "pm";
            case 'd' -> number(time.getDayOfMonth(), 2, '0', flag);
            case 'e' -> number(time.getDayOfMonth(), 2, ' ', flag);
            case 'm' -> number(time.getMonthValue(), 2, '0', flag);
            case 'y' -> number(Math.floorMod(time.getYear(), 100), 2, '0', flag);
            case 'Y' -> number(time.getYear(), 1, '0', flag);
            case 'C' -> number(Math.floorDiv(time.getYear(), 100), 2, '0', flag);
            case 'G' -> number(time.get(IsoFields.WEEK_BASED_YEAR), 1, '0', flag);
            case 'g' -> number(time.get(IsoFields.WEEK_BASED_YEAR) % 100, 2, '0', flag);
            case 'V' -> number(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2, '0', flag);
            case 'H' -> number(time.getHour(), 2, '0', flag);
            case 'k' -> number(time.getHour(), 2, ' ', flag);
            case 'I' -> number(hour12, 2, '0', flag);
            case 'l' -> number(hour12, 2, ' ', flag);
            case 'M' -> number(time.getMinute(), 2, '0', flag);
            case 'S' -> number(time.getSecond(), 2, '0', flag);
            case 'f' -> number(time.getNano() / 1000, 6, '0', (char) 0);
            case 'j' -> number(time.getDayOfYear(), 3, '0', flag);
            case 'u' -> number(weekday, 1, '0', flag);
            case 'w' -> number(weekday % 7, 1, '0', flag);
            case 'U' -> number((time.getDayOfYear() + 6 - weekday % 7) / 7, 2, '0', flag);
            case 'W' -> number((time.getDayOfYear() + 6 - (weekday + 6) % 7) / 7, 2, '0', flag);
            case 'z', 'Z' -> "";
            case 'c' -> format(budget, time, "%a %b %e %H:%M:%S %Y");
            case 'x', 'D' -> format(budget, time, "%m/%d/%y");
            case 'X', 'T' -> format(budget, time, "%H:%M:%S");
            case 'R' -> format(budget, time, "%H:%M");
            case 'r' -> format(budget, time, "%I:%M:%S %p");
            case 'F' -> format(budget, time, "%Y-%m-%d");
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default -> null;
        };
    }

    private static String name(String name, char flag) {
        return switch (flag) {
            case '^', '#' -> TextCase.upper(name);
            case 'l' -> TextCase.lower(name);
            default -> name;
        };
    }

    private static String number(int value, int width, char fill, char flag) {
        String digits = Integer.toString(value);
        char filled = flag == '_' ? ' ' : flag == '0' ? '0' : fill;
        return flag == '-' ? digits : String.valueOf(filled).repeat(Math.max(0, width - digits.length())) + digits;
    }
}
