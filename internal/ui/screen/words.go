package screen

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"serin/internal/engine"
)

// stamp is a time of the day, in UTC as everything is.
func stamp(at time.Time) string { return at.UTC().Format("15:04:05Z") }

// span is a duration as a clock shows it: 0:41, 12:05, 3:00:00; from two days on in days.
func span(d time.Duration) string {
	seconds := int64(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case seconds >= 48*3600:
		return strconv.FormatInt(seconds/86400, 10) + " days"
	case seconds >= 3600:
		return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// brief is a duration in as few letters as there can be: 10m, 90s, 1h30m.
func brief(d time.Duration) string {
	words := d.String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(words, nothing) {
			words = words[:len(words)-2]
		}
	}
	return words
}

// age is how long ago a time was, in words.
func age(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	d := now.Sub(at)
	if d < time.Minute {
		return strconv.FormatInt(int64(max(d, 0)/time.Second), 10) + " s"
	}
	return span(d)
}

// count is a number with its thousands apart: 18 204.
func count(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) || math.Abs(value) >= 1e15 {
		return "?"
	}
	digits := strconv.FormatInt(int64(math.Round(value)), 10)
	var grouped strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			grouped.WriteByte(' ')
		}
		grouped.WriteRune(digit)
	}
	return grouped.String()
}

// percent is a share of 0 to 1 with as many decimals as tell it from nothing.
func percent(share float64) string {
	switch value := share * 100; {
	case value == 0:
		return "0 %"
	case value < 0.01:
		return "under 0.01 %"
	case value < 10:
		return strconv.FormatFloat(value, 'f', 2, 64) + " %"
	default:
		return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0") + " %"
	}
}

// spaced are the words of the engine with their underscores as spaces.
func spaced(word string) string { return strings.ReplaceAll(word, "_", " ") }

// targets are what a route names, in one line.
func targets(found []engine.Target) string {
	if len(found) == 0 {
		return "nothing"
	}
	words := make([]string, len(found))
	for i, target := range found {
		words[i] = clean(target.Name) + " " + strconv.Itoa(target.Weight)
	}
	return strings.Join(words, ", ")
}

// identities are ARNs of persons and roles, up to who it is.
var identities = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`arn:[a-z-]+:(?:iam|sts)::\d*:(?:assumed-role/)?`)
})

// withoutARNs is a text with who it is about, and not where they are registered.
func withoutARNs(text string) string {
	if !strings.Contains(text, "arn:") {
		return text
	}
	return identities().ReplaceAllString(text, "")
}

// ShortCaller is the end of an ARN: who it is, without where it is registered. The place
// before it stays, and so does a name that is none.
func ShortCaller(arn string) string {
	if place, caller, has := strings.Cut(arn, " (arn:"); has {
		return place + " (" + ShortCaller(strings.TrimSuffix(caller, ")")) + ")"
	}
	if at := strings.LastIndex(arn, ":"); at >= 0 {
		return strings.TrimPrefix(arn[at+1:], "assumed-role/")
	}
	return arn
}
