// Command client calls both services of a sandbox as an internal system in Go would: plain grpc-go with generated code.
//
// The commands that generate its code, build it and run it are in docs/integrate.md; docs/clients.md has a second way.
// Prints a line for each step, `ok STEP` or `FAILED STEP: why`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
)

// patience is the time for one step, in which a service may restart.
const patience = 40 * time.Second

// Expectations are what the clients of all languages must find.
type Expectations struct {
	Steps   []string           `json:"steps"`
	Schemes []string           `json:"schemes"`
	Errors  map[string]Refused `json:"errors"`
	Retry   struct {
		Refused
		Watchers int `json:"watchers"`
	} `json:"retry_info"`
	MessageLimit struct {
		Refused
		Bytes int `json:"bytes"`
	} `json:"message_limit"`
	Deadline     Refused           `json:"deadline"`
	Certificates map[string]string `json:"certificates"`
}

// Refused is an expected refusal.
type Refused struct {
	Code   string   `json:"code"`
	Reason string   `json:"reason"`
	Fields []string `json:"fields"`
}

// Client makes the calls of all steps.
type Client struct {
	profile  Profile
	expected Expectations
	// The connections to the desks, named for the agency and the calling system.
	ppcIntake, ppcCasework, ppcSharing, ppcReader, ppcAuditor, ipaCasework, ipaSharing *grpc.ClientConn
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: client PROFILE EXPECTATIONS")
		os.Exit(2)
	}
	client, err := newClient(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	steps := map[string]func(context.Context){
		"schemes":       client.schemes,
		"referral":      client.referral,
		"watch":         client.watch,
		"restart":       client.restart,
		"item":          client.item,
		"paging":        client.paging,
		"errors":        client.errors,
		"retry_info":    client.retryInfo,
		"message_limit": client.messageLimit,
		"deadline":      client.deadline,
		"certificates":  client.certificates,
	}
	failed := 0
	for _, name := range client.expected.Steps {
		if err := run(steps[name]); err != nil {
			fmt.Printf("FAILED %s: %v\n", name, err)
			failed++
		} else {
			fmt.Printf("ok %s\n", name)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// run makes a step as the official, and ends whatever the step has left open.
func run(step func(context.Context)) (err error) {
	if step == nil {
		return errors.New("there is no such step")
	}
	ctx, cancel := context.WithTimeout(official(context.Background()), patience)
	defer cancel()
	defer func() {
		switch it := recover().(type) {
		case nil:
		case broken:
			err = it.error
		default:
			panic(it)
		}
	}()
	step(ctx)
	return nil
}

func newClient(profile, expectations string) (*Client, error) {
	client := &Client{}
	if err := readJSON(profile, &client.profile); err != nil {
		return nil, err
	}
	if err := readJSON(expectations, &client.expected); err != nil {
		return nil, err
	}
	for _, it := range []struct {
		desk   **grpc.ClientConn
		agency Agency
		caller string
	}{
		{&client.ppcIntake, client.profile.PPC, "intake"},
		{&client.ppcCasework, client.profile.PPC, "casework"},
		{&client.ppcSharing, client.profile.PPC, "sharing"},
		{&client.ppcReader, client.profile.PPC, "reader"},
		{&client.ppcAuditor, client.profile.PPC, "auditor"},
		{&client.ipaCasework, client.profile.IPA, "casework"},
		{&client.ipaSharing, client.profile.IPA, "sharing"},
	} {
		var err error
		if *it.desk, err = it.agency.Desk(it.caller); err != nil {
			return nil, err
		}
	}
	return client, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
