package headless

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"

	"serin/internal/engine"
)

// The elements and attributes that Jenkins, GitLab, CodeBuild and GitHub's reporters
// read.
type (
	xmlSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		xmlCounts
		Suites []xmlSuite `xml:"testsuite"`
	}
	xmlCounts struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
	}
	xmlSuite struct {
		xmlCounts
		Timestamp  string        `xml:"timestamp,attr"`
		Hostname   string        `xml:"hostname,attr"`
		Properties []xmlProperty `xml:"properties>property"`
		Cases      []xmlCase     `xml:"testcase"`
		Output     string        `xml:"system-out,omitempty"`
	}
	xmlProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	xmlCase struct {
		Class   string     `xml:"classname,attr"`
		Name    string     `xml:"name,attr"`
		Time    string     `xml:"time,attr"`
		Failure *xmlReason `xml:"failure"`
		Error   *xmlReason `xml:"error"`
		Skipped *xmlReason `xml:"skipped"`
	}
	xmlReason struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// report is the whole file.
func (j *JUnit) report(ending engine.Ending) []byte {
	r := j.rollout
	suite := xmlSuite{
		xmlCounts: xmlCounts{Name: Clean(r.Key.Environment + "." + r.Key.Service), Time: secondsOf(r.StartedAt, j.ended)},
		Timestamp: r.StartedAt.UTC().Format("2006-01-02T15:04:05"), Hostname: Clean(r.Driver.Place),
		Properties: []xmlProperty{
			{"rollout", Clean(r.ID)},
			{"stable", Clean(r.StableSha())},
			{"canary", Clean(r.Canary.Sha)},
			{"image", Clean(r.Canary.Image)},
			{"outcome", Clean(string(ending.Outcome))},
		},
		Output: Clean(ending.Reason),
	}
	for _, c := range j.cases {
		suite.add(c, j.ended, unreached(c, ending))
	}
	all := xmlSuites{xmlCounts: suite.xmlCounts, Suites: []xmlSuite{suite}}
	all.Name = "serin"
	var text bytes.Buffer
	text.WriteString(xml.Header)
	encoder := xml.NewEncoder(&text)
	encoder.Indent("", "  ")
	// The types above can always be encoded, and a buffer takes everything.
	_ = encoder.Encode(all)
	text.WriteByte('\n')
	return text.Bytes()
}

func (s *xmlSuite) add(c *testCase, end time.Time, unreached string) {
	if !c.ended.IsZero() {
		end = c.ended
	}
	one := xmlCase{Class: s.Name, Name: c.name, Time: secondsOf(c.started, end)}
	why := &xmlReason{Message: Clean(c.message), Type: Clean(c.kind), Text: cleanLines(c.text)}
	switch c.state {
	case failed:
		one.Failure = why
		s.Failures++
	case broken:
		one.Error = why
		s.Errors++
	case notReached:
		one.Skipped = &xmlReason{Message: Clean(unreached)}
		s.Skipped++
	case underWay, passed:
	}
	s.Tests++
	s.Cases = append(s.Cases, one)
}

func secondsOf(from, to time.Time) string {
	if from.IsZero() || to.Before(from) {
		return "0.000"
	}
	return fmt.Sprintf("%.3f", to.Sub(from).Seconds())
}
