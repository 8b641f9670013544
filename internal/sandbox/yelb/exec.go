package yelb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// answerBound is how much of an answer a health check reads.
const answerBound = 1 << 20

// errExited says that there is no container to run a command in.
var errExited = errors.New("the container is not running")

// Exec runs a health check's command in the container. It knows the programs that
// health checks are written with, and they really connect to the container's own
// ports. The error tells the exit code and what the command complained about.
func (p *process) Exec(ctx context.Context, command []string) error {
	select {
	case <-p.stopping:
		return errExited
	default:
	}
	if p.inert || len(command) > 0 && command[0] == "NONE" {
		return nil
	}
	r := p.exec(ctx, command)
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.code != 0 {
		return fmt.Errorf("exit code %d: %s", r.code, strings.TrimSpace(r.complaint+r.out))
	}
	return nil
}

func (p *process) exec(ctx context.Context, command []string) result {
	if len(command) > 0 && command[0] == "CMD-SHELL" {
		return runScript(ctx, strings.Join(command[1:], " "), p.command)
	}
	if len(command) > 0 && command[0] == "CMD" {
		command = command[1:]
	}
	if len(command) == 0 {
		return result{code: codeNotFound, complaint: "no command"}
	}
	return p.command(ctx, command, "")
}

// command is a runner of the programs that the container has.
func (p *process) command(ctx context.Context, words []string, input string) result {
	programs := map[string]runner{
		"curl":       p.curl,
		"wget":       p.wget,
		"nc":         p.nc,
		"redis-cli":  p.redisCLI,
		"pg_isready": p.pgIsReady,
		"grep":       grep,
		"echo":       echo,
		"exit":       exit,
		"true":       func(context.Context, []string, string) result { return result{} },
		"false":      func(context.Context, []string, string) result { return result{code: 1} },
		"sh":         p.sh,
	}
	name := words[0][strings.LastIndex(words[0], "/")+1:]
	run, ok := programs[name]
	if !ok {
		return result{code: codeNotFound, complaint: fmt.Sprintf("sh: %s: not found", words[0])}
	}
	return run(ctx, words[1:], input)
}

func (p *process) sh(ctx context.Context, args []string, _ string) result {
	if len(args) < 2 || args[0] != "-c" {
		return result{code: codeSyntax, complaint: "sh: only sh -c is supported"}
	}
	return runScript(ctx, args[1], p.command)
}

// connect opens a connection to a port of the container itself; localhost is the only
// host that a container's health check can mean here.
func (p *process) connect(ctx context.Context, host, port string) (net.Conn, error) {
	own := []string{"", "localhost", "127.0.0.1", "0.0.0.0", "::1", p.container.Hostname}
	if !slices.Contains(own, host) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("bad port %q", port)
	}
	address, ok := p.Address(number)
	if !ok {
		return nil, fmt.Errorf("connect to %s port %s: connection refused", host, port)
	}
	return p.runtime.network.Dial(ctx, address)
}

// fetch performs a GET on the container itself.
func (p *process) fetch(ctx context.Context, target string) (status int, body string, err error) {
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	parsed, err := url.Parse(target)
	if err != nil {
		return 0, "", err
	}
	if parsed.Scheme != "http" {
		return 0, "", fmt.Errorf("protocol %q is not supported", parsed.Scheme)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, "", err
	}
	port := parsed.Port()
	if port == "" {
		port = "80"
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return p.connect(ctx, parsed.Hostname(), port)
		},
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerBound))
	return response.StatusCode, string(text), err
}

// Exit codes of curl (curl's manual, EXIT CODES).
const (
	curlNoHost     = 6
	curlNoConnect  = 7
	curlHTTPError  = 22
	curlTimeout    = 28
	curlNoURL      = 2
	curlLastStatus = 400
)

func (p *process) curl(ctx context.Context, args []string, _ string) result {
	flags, targets := parseFlags(args, "omXHwAduc", "output", "max-time", "connect-timeout", "request", "header",
		"write-out", "retry", "user-agent", "data", "user", "retry-delay")
	if len(targets) == 0 {
		return result{code: curlNoURL, complaint: "curl: no URL specified"}
	}
	ctx, cancel := limited(ctx, flags, "m", "max-time")
	defer cancel()
	status, body, err := p.fetch(ctx, targets[0])
	_, short := flags["f"]
	_, long := flags["fail"]
	switch {
	case err != nil:
		return result{code: curlCode(err), complaint: fmt.Sprintf("curl: (%d) %v", curlCode(err), err)}
	case (short || long) && status >= curlLastStatus:
		return result{code: curlHTTPError, complaint: fmt.Sprintf("curl: (22) The requested URL returned error: %d", status)}
	}
	if flags["o"]+flags["output"] != "" {
		body = ""
	}
	format := flags["w"] + flags["write-out"]
	return result{out: body + strings.NewReplacer("%{http_code}", strconv.Itoa(status), `\n`, "\n").Replace(format)}
}

func curlCode(err error) int {
	var unknown *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return curlTimeout
	case errors.As(err, &unknown):
		return curlNoHost
	default:
		return curlNoConnect
	}
}

// limited bounds a context by the seconds that one of the flags gives.
func limited(ctx context.Context, flags map[string]string, names ...string) (context.Context, context.CancelFunc) {
	for _, name := range names {
		if seconds, err := strconv.ParseFloat(flags[name], 64); err == nil && seconds > 0 {
			return context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
		}
	}
	return context.WithCancel(ctx)
}

// Exit codes of wget (its manual, EXIT STATUS).
const (
	wgetUsage   = 2
	wgetNetwork = 4
	wgetServer  = 8
)

func (p *process) wget(ctx context.Context, args []string, _ string) result {
	flags, targets := parseFlags(args, "OTtU", "output-document", "timeout", "tries", "user-agent")
	if len(targets) == 0 {
		return result{code: wgetUsage, complaint: "wget: missing URL"}
	}
	ctx, cancel := limited(ctx, flags, "T", "timeout")
	defer cancel()
	status, body, err := p.fetch(ctx, targets[0])
	switch {
	case err != nil:
		return result{code: wgetNetwork, complaint: fmt.Sprintf("wget: %v", err)}
	case status >= http.StatusBadRequest:
		return result{code: wgetServer, complaint: fmt.Sprintf("wget: server returned error: HTTP/1.1 %d", status)}
	case flags["O"]+flags["output-document"] != "-":
		body = ""
	}
	return result{out: body}
}

func (p *process) nc(ctx context.Context, args []string, _ string) result {
	flags, targets := parseFlags(args, "wip")
	if len(targets) != 2 {
		return result{code: 1, complaint: "nc: missing host or port"}
	}
	ctx, cancel := limited(ctx, flags, "w")
	defer cancel()
	conn, err := p.connect(ctx, targets[0], targets[1])
	if err != nil {
		return result{code: 1, complaint: fmt.Sprintf("nc: %v", err)}
	}
	_ = conn.Close()
	return result{}
}

func (p *process) redisCLI(ctx context.Context, args []string, _ string) result {
	flags, words := parseFlags(args, "hpant")
	if len(words) == 0 {
		return result{code: 1, complaint: "redis-cli: no command"}
	}
	conn, err := p.connect(ctx, flags["h"], orElse(flags["p"], redisPort))
	if err != nil {
		return result{code: 1, complaint: fmt.Sprintf("Could not connect to Redis: %v", err)}
	}
	reply, err := command(ctx, conn, words...)
	if err != nil {
		return result{code: 1, complaint: fmt.Sprintf("Error: %v", err)}
	}
	return result{out: reply + "\n"}
}

// pgNoResponse is pg_isready's exit code when nothing answers (PostgreSQL's manual).
const pgNoResponse = 2

func (p *process) pgIsReady(ctx context.Context, args []string, _ string) result {
	flags, _ := parseFlags(args, "hpUdt", "host", "port", "username", "dbname", "timeout")
	host, port := flags["h"]+flags["host"], orElse(flags["p"]+flags["port"], databasePort)
	ctx, cancel := limited(ctx, flags, "t", "timeout")
	defer cancel()
	conn, err := p.connect(ctx, host, port)
	if err == nil {
		err = askPing(ctx, conn)
	}
	if err != nil {
		return result{code: pgNoResponse, complaint: fmt.Sprintf("%s:%s - no response: %v", host, port, err)}
	}
	return result{out: fmt.Sprintf("%s:%s - accepting connections\n", host, port)}
}

func orElse(port string, otherwise int) string {
	if port == "" {
		return strconv.Itoa(otherwise)
	}
	return port
}

func grep(_ context.Context, args []string, input string) result {
	flags, words := parseFlags(args, "e", "regexp")
	if pattern := flags["e"] + flags["regexp"]; pattern != "" {
		words = append([]string{pattern}, words...)
	}
	if len(words) == 0 {
		return result{code: codeSyntax, complaint: "grep: missing pattern"}
	}
	expression := words[0]
	if _, ok := flags["F"]; ok {
		expression = regexp.QuoteMeta(expression)
	}
	if _, ok := flags["i"]; ok {
		expression = "(?i)" + expression
	}
	pattern, err := regexp.Compile(expression)
	if err != nil {
		return result{code: codeSyntax, complaint: fmt.Sprintf("grep: %v", err)}
	}
	_, inverted := flags["v"]
	var found []string
	for line := range strings.Lines(input) {
		if pattern.MatchString(strings.TrimRight(line, "\n")) != inverted {
			found = append(found, line)
		}
	}
	if len(found) == 0 {
		return result{code: 1}
	}
	if _, quiet := flags["q"]; quiet {
		return result{}
	}
	return result{out: strings.Join(found, "")}
}

func echo(_ context.Context, args []string, _ string) result {
	return result{out: strings.Join(args, " ") + "\n"}
}

func exit(_ context.Context, args []string, _ string) result {
	if len(args) == 0 {
		return result{exits: true}
	}
	code, err := strconv.Atoi(args[0])
	if err != nil {
		return result{code: codeSyntax, complaint: "exit: not a number: " + args[0], exits: true}
	}
	return result{code: code & 0xff, exits: true}
}

// parseFlags tells flags from other words. The letters of valued and the long names
// take a value, in the same word or the next one; the others have an empty value.
func parseFlags(args []string, valued string, long ...string) (flags map[string]string, words []string) {
	flags = map[string]string{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch {
		case strings.HasPrefix(arg, "--"):
			name, value, given := strings.Cut(arg[2:], "=")
			if !given && slices.Contains(long, name) {
				value = next()
			}
			flags[name] = value
		case strings.HasPrefix(arg, "-") && arg != "-":
			shortFlags(flags, arg[1:], valued, next)
		default:
			words = append(words, arg)
		}
	}
	return flags, words
}

// shortFlags reads a cluster of one-letter flags, such as fsSo in -fsSo/dev/null.
func shortFlags(flags map[string]string, cluster, valued string, next func() string) {
	for i := range len(cluster) {
		name := cluster[i : i+1]
		if !strings.Contains(valued, name) {
			flags[name] = ""
			continue
		}
		if flags[name] = cluster[i+1:]; flags[name] == "" {
			flags[name] = next()
		}
		return
	}
}
