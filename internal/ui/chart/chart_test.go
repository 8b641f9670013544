package chart_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine/analysis"
	"serin/internal/ui/chart"
	"serin/internal/ui/theme"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// buckets are one a minute from noon on; a negative count is a period without any.
func buckets(class int, counts ...float64) []analysis.Bucket {
	var made []analysis.Bucket
	for i, count := range counts {
		if count < 0 {
			continue
		}
		bucket := analysis.Bucket{Start: noon.Add(time.Duration(i) * time.Minute)}
		bucket.Counts[class-1] = count
		made = append(made, bucket)
	}
	return made
}

// shift is a rollout's first minutes: stable falls and the canary rises.
func shift(symbols theme.Symbols) chart.Chart {
	look := theme.New(true, false, symbols)
	stable := buckets(2, 1200, 1180, 1220, 1190, 1210, 1070, 1090, 1080, 960, 950, -1, -1, 840, 830, 850, 840, 720, 710)
	canary := buckets(2, -1, -1, -1, -1, -1, 120, 118, 121, 240, 244, -1, -1, 352, 360, 350, 361, 480, 470)
	return chart.Chart{
		Title: "2xx a minute", Period: time.Minute, Theme: look,
		Lines: []chart.Line{
			{Name: "stable", Style: look.Stable, Class: 2, Buckets: stable},
			{Name: "canary", Style: look.Canary, Class: 2, Heavy: true, Buckets: canary},
		},
		From: noon, To: noon.Add(20 * time.Minute), Known: noon.Add(18 * time.Minute),
		Marks: []chart.Mark{
			{At: noon.Add(5 * time.Minute), Weight: 10},
			{At: noon.Add(8 * time.Minute), Weight: 20},
			{At: noon.Add(12 * time.Minute), Weight: 30},
			{At: noon.Add(16 * time.Minute), Weight: 40},
		},
		Width: 60, Height: 10,
	}
}

func failing(symbols theme.Symbols) chart.Chart {
	c := shift(symbols)
	c.Title, c.Limit, c.LimitName = "5xx a minute", 3, "limit 3 in 10m"
	c.Lines[0].Class, c.Lines[0].Buckets = 5, buckets(5, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, -1, -1, 0, 0, 0, 0, 0, 0)
	c.Lines[1].Class, c.Lines[1].Buckets = 5, buckets(5, -1, -1, -1, -1, -1, 0, 0, 1, 0, 1, -1, -1, 2, 4, 7, 6, 8, 9)
	return c
}

// judged is failing with the sum that the limit is held against.
func judged(symbols theme.Symbols) chart.Chart {
	c := failing(symbols)
	c.LimitWindow = "10m"
	sum := c.Lines[1]
	sum.Heavy, sum.Window, sum.Style = false, 10*time.Minute, c.Theme.Limit
	c.Lines = append([]chart.Line{sum}, c.Lines...)
	return c
}

// What the limit is held against is drawn with it: one 5xx a minute is never more than a
// limit of 3, and ten minutes of it are.
func TestTheLimitIsHeldAgainstTheSumOfItsWindow(t *testing.T) {
	c := judged(theme.ASCII)
	ones := buckets(5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, 0)
	c.Lines[0].Buckets, c.Lines[2].Buckets = ones, ones
	c.Known, c.Width = c.To, 100
	legend := func(minutes int) string {
		c.To = noon.Add(time.Duration(minutes)*time.Minute + 30*time.Second)
		return ansi.Strip(chart.Draw(nil, c)[0])
	}
	for minutes, want := range map[int]string{1: "in 10m 1 ", 4: "in 10m 4 ", 13: "in 10m 10 ", 15: "in 10m 8 "} {
		if text := legend(minutes); !strings.Contains(text, want) || !strings.Contains(text, "limit 3") {
			t.Errorf("after %d minutes the legend is %q, without %q", minutes, text, want)
		}
	}
	c.To = noon.Add(15 * time.Minute)
	text := ansi.Strip(strings.Join(chart.Draw(nil, c), "\n"))
	if !strings.Contains(text, "10 |") || !strings.Contains(text, "===") {
		t.Errorf("the sum and the limit are not both in range:\n%s", text)
	}
	c.Lines[0].Window = c.Period
	if text := ansi.Strip(chart.Draw(nil, c)[0]); !strings.Contains(text, "= limit 3 in 10m") {
		t.Errorf("a window of one period has the legend %q", text)
	}
}

func TestChartsLookAsTheyDid(t *testing.T) {
	for _, symbols := range []theme.Symbols{theme.Braille, theme.Block, theme.ASCII} {
		t.Run(string(symbols), func(t *testing.T) {
			empty := shift(symbols)
			empty.Lines[0].Buckets, empty.Lines[1].Buckets = nil, nil
			var text strings.Builder
			for _, c := range []chart.Chart{shift(symbols), failing(symbols), judged(symbols), empty} {
				for _, line := range chart.Draw(nil, c) {
					fmt.Fprintln(&text, strings.TrimRight(ansi.Strip(line), " "))
				}
			}
			compare(t, "chart-"+string(symbols), text.String())
		})
	}
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as it was:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestAChartHasItsSizeAtEverySize(t *testing.T) {
	for _, symbols := range []theme.Symbols{theme.Braille, theme.Block, theme.ASCII} {
		for width := 1; width <= 120; width += 7 {
			for height := 1; height <= 24; height++ {
				c := failing(symbols)
				c.Width, c.Height = width, height
				lines := chart.Draw(nil, c)
				if len(lines) != height {
					t.Fatalf("%s %dx%d has %d lines", symbols, width, height, len(lines))
				}
				for _, line := range lines {
					if ansi.StringWidth(line) != width {
						t.Fatalf("%s %dx%d has a line of %d: %q", symbols, width, height, ansi.StringWidth(line), line)
					}
				}
			}
		}
	}
}

func TestAGapIsAGapAndWhatIsTooNewIsShaded(t *testing.T) {
	lines := chart.Draw(nil, shift(theme.ASCII))
	// Twenty minutes on 54 columns: minutes 10 to 12 are columns 27 to 31, the last two
	// minutes 49 and on.
	for _, line := range lines[2:8] {
		cells := []rune(ansi.Strip(line))[6:]
		if gap := string(cells[28:31]); strings.Trim(gap, " ") != "" {
			t.Errorf("%q is drawn where nothing is known", gap)
		}
		if late := string(cells[50:]); strings.Trim(late, ".") != "" {
			t.Errorf("%q stands where nothing can be known yet", late)
		}
	}
}

// Where everything can be known nothing is said to be too new, wherever a column begins.
func TestWhatIsOverIsNotTooNew(t *testing.T) {
	c := shift(theme.Braille)
	c.Width, c.To = 100, c.To.Add(1234567*time.Microsecond)
	c.Known = c.To
	if text := strings.Join(chart.Draw(nil, c), "\n"); strings.Contains(text, "too new") || strings.Contains(text, "░") {
		t.Errorf("something is too new:\n%s", text)
	}
}

func TestBothVersionsHaveTheSameAxis(t *testing.T) {
	c := shift(theme.Braille)
	both := ansi.Strip(strings.Join(chart.Draw(nil, c), "\n"))
	c.Lines = c.Lines[1:]
	alone := ansi.Strip(strings.Join(chart.Draw(nil, c), "\n"))
	if !strings.Contains(both, "1.5k ┤") || !strings.Contains(alone, "500 ┤") {
		t.Errorf("the axis is not of the greatest value shown:\n%s\n%s", both, alone)
	}
}

func TestALimitOutOfRangeDoesNotPressTheLinesFlat(t *testing.T) {
	c := failing(theme.Braille)
	c.Limit = 1000
	if text := strings.Join(chart.Draw(nil, c), "\n"); strings.Contains(text, "╌╌") {
		t.Errorf("the limit is drawn:\n%s", text)
	}
	c.Limit = 3
	if text := strings.Join(chart.Draw(nil, c), "\n"); !strings.Contains(text, "╌╌") {
		t.Errorf("the limit is not drawn:\n%s", text)
	}
}

func TestAChartIsDrawnAnewOnlyWhenItChanges(t *testing.T) {
	var cache chart.Cache
	c := shift(theme.Braille)
	first := chart.Draw(&cache, c)
	c.From, c.To = c.From.Add(time.Second), c.To.Add(time.Second)
	c.From, c.To = c.From.Add(-time.Second), c.To.Add(-time.Second)
	if second := chart.Draw(&cache, c); &second[0] != &first[0] {
		t.Error("the same chart was drawn twice")
	}
	changes := map[string]func(*chart.Chart){
		"size":   func(c *chart.Chart) { c.Width++ },
		"theme":  func(c *chart.Chart) { c.Theme = theme.New(false, false, theme.Braille) },
		"time":   func(c *chart.Chart) { c.To, c.From = c.To.Add(time.Minute), c.From.Add(time.Minute) },
		"values": func(c *chart.Chart) { c.Lines = append([]chart.Line{}, c.Lines...); c.Lines[0].Buckets = nil },
		"marks":  func(c *chart.Chart) { c.Marks = c.Marks[1:] },
	}
	for what, change := range changes {
		changed := c
		change(&changed)
		before := chart.Draw(&cache, c)
		if after := chart.Draw(&cache, changed); &after[0] == &before[0] {
			t.Errorf("a new %s was not drawn", what)
		}
	}
}

func TestShortNumbers(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.5: "0.5", 1: "1", 7.25: "7.2", 9.99: "10", 340: "340", 999.6: "1k", 1000: "1k", 1234: "1.2k", 12345: "12k",
		999999: "1M", 1.5e6: "1.5M", math.Inf(1): "?", math.NaN(): "?", -1: "?", 3e9: "3G",
	} {
		if got := chart.Short(value); got != want {
			t.Errorf("Short(%v) = %q, want %q", value, got, want)
		}
	}
}

// long is a chart of 600 points a version, as the budget has it.
func long(symbols theme.Symbols) chart.Chart {
	c := shift(symbols)
	counts := make([]float64, 600)
	for i := range counts {
		counts[i] = 500 + 400*math.Sin(float64(i)/20)
	}
	c.Lines[0].Buckets, c.Lines[1].Buckets = buckets(2, counts...), buckets(2, counts[300:]...)
	c.To = noon.Add(10 * time.Hour)
	c.Known = c.To.Add(-2 * time.Minute)
	return c
}

func BenchmarkTwoChartsCold(b *testing.B) {
	c := long(theme.Braille)
	b.ReportAllocs()
	for b.Loop() {
		chart.Draw(nil, c)
		chart.Draw(nil, c)
	}
}

func BenchmarkTwoChartsWarm(b *testing.B) {
	c := long(theme.Braille)
	var cache chart.Cache
	b.ReportAllocs()
	for b.Loop() {
		chart.Draw(&cache, c)
		chart.Draw(&cache, c)
	}
}

func TestTheAxisNamesRoundTimesAtEverySpan(t *testing.T) {
	for span, want := range map[time.Duration]string{
		20 * time.Second: "12:00:10Z", 5 * time.Minute: "12:01Z", 6 * time.Hour: "14:00Z", 72 * time.Hour: "00:00Z",
		60 * 24 * time.Hour: "Dec 19",
	} {
		c := shift(theme.Braille)
		c.To = c.From.Add(span)
		lines := chart.Draw(nil, c)
		if times := ansi.Strip(lines[len(lines)-1]); !strings.Contains(times, want) {
			t.Errorf("of %s the axis is %q, without %s", span, times, want)
		}
	}
}

// In every width the limit is named with the time that it is held against, or not at all.
func TestTheLimitIsNamedWholeOrNotAtAll(t *testing.T) {
	for _, one := range []struct {
		chart chart.Chart
		names []string
		from  int
	}{
		{judged(theme.ASCII), []string{"- - canary in 10m 37  = limit 3", "= 37 of 3 in 10m", "= 37 of 3/10m", "= limit 3/10m"}, 27},
		{failing(theme.ASCII), []string{"= limit 3 in 10m"}, 30},
	} {
		c := one.chart
		for c.Width = 10; c.Width <= 120; c.Width++ {
			text := strings.TrimRight(ansi.Strip(chart.Draw(nil, c)[0]), " ")
			whole := slices.ContainsFunc(one.names, func(name string) bool { return strings.Contains(text+"  ", "  "+name+"  ") })
			if !whole && (c.Width >= one.from || strings.Contains(text, " = ")) {
				t.Errorf("%d wide the legend is %q", c.Width, text)
			}
		}
	}
}

// Every line is named before any has its value, as far as there is room at all.
func TestTheLegendNamesEveryLineFirst(t *testing.T) {
	c := shift(theme.ASCII)
	for width, want := range map[int]string{
		70: "2xx a minute  - stable 710  # canary 470  . too new to be known", 40: "2xx a minute  - stable 710  # canary 470",
		39: "2xx a minute  - stable 710  # canary", 33: "2xx a minute  - stable  # canary", 25: "2xx a minute  - stable",
	} {
		c.Width = width
		if got := strings.TrimRight(ansi.Strip(chart.Draw(nil, c)[0]), " "); got != want {
			t.Errorf("%d wide it is %q, want %q", width, got, want)
		}
	}
	c.Width, c.Note = 60, "< 0:30 ago"
	if got := ansi.Strip(chart.Draw(nil, c)[0]); !strings.HasPrefix(got, "2xx a minute  < 0:30 ago  - stable 710  # canary 470") {
		t.Errorf("with a note it is %q", got)
	}
}

// The legend has no value of a period that still runs.
func TestTheLegendHasWholePeriodsOnly(t *testing.T) {
	c := shift(theme.Braille)
	buckets := c.Lines[0].Buckets
	last := buckets[len(buckets)-1]
	value := func(to time.Time) string {
		c.To = to
		return strings.Split(ansi.Strip(chart.Draw(&chart.Cache{}, c)[0]), "  ")[1]
	}
	whole, running := value(last.Start.Add(3*c.Period/2)), value(last.Start.Add(c.Period-time.Second))
	if want := chart.Short(last.Class(c.Lines[0].Class)); !strings.HasSuffix(whole, " "+want) {
		t.Errorf("%q, want %s", whole, want)
	}
	before := buckets[len(buckets)-2]
	if want := chart.Short(before.Class(c.Lines[0].Class)); !strings.HasSuffix(running, " "+want) {
		t.Errorf("%q, want %s", running, want)
	}
}
