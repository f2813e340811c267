// Command offramp starts, answers and reverses a cancellation by the HTTP API, and verifies a webhook, with the standard library alone.
//
//	go run . start   SUBSCRIPTION KEY
//	go run . answer  SUBSCRIPTION KEY <answers     QUESTION=ANSWER, one a line
//	go run . reverse SUBSCRIPTION KEY <identity    billing_administrator=…, organization_url=…, organization_name=…, one a line
//	go run . verify  ID TIMESTAMP SIGNATURES <body
//
// OFFRAMP_URL, OFFRAMP_TOKEN; OFFRAMP_WEBHOOK_SECRET for verify. KEY names the request: the same one again is no other request.
// Who the customer is stands in no arguments, which everybody on the machine sees.
package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	attempts    = 6
	tolerance   = 5 * time.Minute
	shortestKey = 24
)

// isID is true for what may be an id: no other text leads to another address, as ".." would, or "x/../../holds?".
var isID = regexp.MustCompile("^[A-Za-z0-9][A-Za-z0-9._-]*$").MatchString

// Problem is the part of a refusal (RFC 9457) that programs act on.
type Problem struct {
	Code   string            `json:"code"`
	Title  string            `json:"title"`
	Values map[string]string `json:"values"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Title }

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(given []string) error {
	if len(given) < 3 {
		return errors.New("offramp start | answer | reverse | verify")
	}
	switch given[0] {
	case "start":
		return send(given[1], "cancellations", given[2], struct{}{})
	case "answer":
		return send(given[1], "cancellations/newest/answers", given[2], message("answers", os.Stdin))
	case "reverse":
		return send(given[1], "cancellations/newest/reversals", given[2], message("identity", os.Stdin))
	case "verify":
		if len(given) < 4 {
			return errors.New("verify ID TIMESTAMP SIGNATURES <body")
		}
		return verify(given[1], given[2], given[3], os.Stdin)
	}
	return errors.New("offramp start | answer | reverse | verify")
}

// message has, under a name, what is read.
func message(name string, from io.Reader) map[string]map[string]string {
	content := map[string]string{}
	for lines := bufio.NewScanner(from); lines.Scan(); {
		if key, value, found := strings.Cut(lines.Text(), "="); found {
			content[key] = value
		}
	}
	return map[string]map[string]string{name: content}
}

// send prints the answer to a request, which is sent again under its key where the way was interrupted or the service was busy.
func send(subscription, path, key string, message any) error {
	if !isID(subscription) {
		return errors.New("no id of a subscription")
	}
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 100 * time.Second}
	for attempt := 1; ; attempt++ {
		request, err := http.NewRequest(http.MethodPost, os.Getenv("OFFRAMP_URL")+"/v1/subscriptions/"+subscription+"/"+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+os.Getenv("OFFRAMP_TOKEN"))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
		pause := time.Duration(rand.Int63n(int64(200*time.Millisecond))) + 100*time.Millisecond<<attempt
		status, wait, answer, err := once(&client, request)
		switch {
		case err != nil && attempt == attempts:
			return err
		case err != nil:
		case status < 300:
			fmt.Println(string(answer))
			return nil
		case !passes(status) || attempt == attempts:
			problem := &Problem{}
			if err := json.Unmarshal(answer, problem); err != nil {
				return fmt.Errorf("status %d", status)
			}
			return problem
		}
		time.Sleep(pause + wait)
	}
}

func once(client *http.Client, request *http.Request) (int, time.Duration, []byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return 0, 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	wait := response.Header.Get("Retry-After")
	if !isNumber(wait, 2) {
		wait = "0"
	}
	seconds, _ := strconv.Atoi(wait)
	return response.StatusCode, time.Duration(seconds) * time.Second, answer, err
}

func passes(status int) bool {
	return status == 429 || status == 502 || status == 503 || status == 504
}

// isNumber is true for a number of at most so many digits: what the other side sends may be anything.
func isNumber(text string, most int) bool {
	return text != "" && len(text) <= most && strings.Trim(text, "0123456789") == ""
}

// verify prints the event of a webhook that the service has sent now.
func verify(id, timestamp, signatures string, from io.Reader) error {
	body, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !isNumber(timestamp, 12) || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("sent at another time")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("OFFRAMP_WEBHOOK_SECRET"), "whsec_"))
	if err != nil || len(key) < shortestKey {
		// Anybody could sign with a key that was left empty.
		return errors.New("OFFRAMP_WEBHOOK_SECRET is no secret of webhooks: whsec_ and 24 to 64 bytes in base64")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, signature := range strings.Fields(signatures) {
		if hmac.Equal([]byte(signature), expected) {
			var message struct {
				Type string `json:"type"`
			}
			if err := json.Unmarshal(body, &message); err != nil {
				return err
			}
			fmt.Println(message.Type)
			return nil
		}
	}
	return errors.New("signed by somebody else")
}
