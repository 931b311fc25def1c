package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	advicev1 "renkei.dev/gen/go/renkei/advice/v1"
	agreementv1 "renkei.dev/gen/go/renkei/agreement/v1"
	referralv1 "renkei.dev/gen/go/renkei/referral/v1"
	sharingv1 "renkei.dev/gen/go/renkei/sharing/v1"
	typev1 "renkei.dev/gen/go/renkei/type/v1"
)

func (c *Client) schemes(ctx context.Context) {
	var names []string
	for _, scheme := range must(c.listSchemes(ctx, 0, "")).Schemes {
		names = append(names, scheme.Name)
	}
	slices.Sort(names)
	check(slices.Equal(names, c.expected.Schemes), "found %v", names)
}

func (c *Client) referral(ctx context.Context) {
	request := issueRequest()
	issued := must(c.issue(ctx, request))
	check(issued.Referral.CaseNumber != "", "there is no case number")
	check(proto.Equal(must(c.issue(ctx, request)), issued), "a repeated request got another answer")
	c.expected.Errors["request_id_reused"].check("request_id_reused", c.reuseRequestID(ctx))
}

// watch cuts the line between two changes, and goes on after the last cursor.
func (c *Client) watch(ctx context.Context) {
	asking := advicev1.NewAdviceAskingServiceClient(c.ppcCasework)
	giving := advicev1.NewAdviceGivingServiceClient(c.ipaCasework)
	listing := advicev1.NewAdviceServiceClient(c.ppcCasework)
	start := must(listing.ListAdviceRequests(ctx, &advicev1.ListAdviceRequestsRequest{})).AsOf

	line := must(c.profile.PPC.Desk("casework"))
	defer line.Close()
	watch := must(openWatch(ctx, line, start))
	matter := must(asking.SubmitAdviceRequest(ctx, submitRequest()))
	events := must(watch.until(matter.Name, "advice_requested"))
	line.Close()

	must(must(openWatch(ctx, c.ipaCasework, "-")).until(matter.Name, "advice_requested"))
	must(giving.AcceptAdviceRequest(ctx, &advicev1.AcceptAdviceRequestRequest{
		RequestId: uuid.NewString(), Name: matter.Name, PlannedOn: matter.Due.On,
	}))
	watch = must(openWatch(ctx, c.ppcCasework, watch.cursor))
	events = append(events, must(watch.until(matter.Name, "advice_accepted"))...)

	uncut := must(must(openWatch(ctx, c.ppcCasework, start)).until(matter.Name, "advice_accepted"))
	check(equal(events, uncut), "found %v, and with an uncut line %v", events, uncut)
}

// restart restarts the service while a watch is open, and makes a call meanwhile.
func (c *Client) restart(ctx context.Context) {
	watch := must(openWatch(ctx, c.ppcIntake, ""))
	words := append(c.profile.Restart, "ppc")
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	done(command.Start())
	ended := watch.end()
	fmt.Fprintf(os.Stderr, "restart: the watch ended with %v\n", ended)
	refusal := RefusalOf(ended)
	// A line that is cut before the status arrives gives no reason.
	draining := refusal.Reason == "DRAINING" || refusal.Reason == ""
	check(refusal.Code == codes.Unavailable && draining, "the watch ended with %v", ended)

	request := issueRequest()
	issued := must(c.insist(ctx, request))
	done(command.Wait())
	check(proto.Equal(must(c.insist(ctx, request)), issued), "a repeated request got another answer")

	// The entry of a later matter shows that nothing more comes of the former.
	later := must(c.insist(ctx, issueRequest()))
	watch = must(openWatch(ctx, c.ppcIntake, watch.cursor))
	entries := 0
	for _, event := range must(watch.until(later.Referral.Name, "referral_issued")) {
		if event.Matter == issued.Referral.Name && event.GetEntryApplied() != nil {
			entries++
		}
	}
	check(entries == 1, "the matter came %d times", entries)
}

// insist repeats a call while nobody answers it. The request id makes that harmless.
func (c *Client) insist(
	ctx context.Context, request *referralv1.IssueReferralRequest,
) (*referralv1.IssueReferralResponse, error) {
	for {
		issued, err := c.issue(ctx, request)
		refusal := RefusalOf(err)
		if refusal.Code != codes.Unavailable {
			return issued, err
		}
		fmt.Fprintf(os.Stderr, "restart: not answered: %v\n", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(max(refusal.RetryAfter, time.Second)):
		}
	}
}

// item reads at one agency what the other has shared.
func (c *Client) item(ctx context.Context) {
	ctx = purpose(ctx, "policy")
	items := sharingv1.NewItemServiceClient(c.ppcSharing)
	listed := must(items.ListItems(ctx, &sharingv1.ListItemsRequest{Parent: "agencies/ipa"}))
	watch := must(openWatch(ctx, c.ppcSharing, listed.AsOf))
	request := publishRequest()
	published := must(sharingv1.NewItemServiceClient(c.ipaSharing).PublishItem(ctx, request))
	must(watch.until(published.Name, "threat_information_published"))
	item := must(items.GetItem(ctx, &sharingv1.GetItemRequest{Name: published.Name}))
	check(proto.Equal(item.Content, request.Content), "found %v", item.Content)
}

func (c *Client) paging(ctx context.Context) {
	var schemes []*referralv1.Scheme
	for token, more := "", true; more; more = token != "" {
		page := must(c.listSchemes(ctx, 1, token))
		check(len(page.Schemes) == 1, "a page of %d", len(page.Schemes))
		schemes, token = append(schemes, page.Schemes...), page.NextPageToken
	}
	check(equal(schemes, must(c.listSchemes(ctx, 0, "")).Schemes), "the pages give %v", schemes)
}

func (c *Client) errors(ctx context.Context) {
	calls := map[string]func() error{
		"invalid_field": func() error {
			request := issueRequest()
			request.Report, request.ScopeFacts.Kind = "no/report here", typev1.IncidentKind(99)
			return failure(c.issue(ctx, request))
		},
		"no_official": func() error { return agreement(metadata.NewOutgoingContext(ctx, nil), c.ppcIntake) },
		"no_purpose": func() error {
			request := &sharingv1.ListItemsRequest{Parent: "agencies/ipa"}
			return failure(sharingv1.NewItemServiceClient(c.ppcSharing).ListItems(ctx, request))
		},
		"broken_page_token": func() error { return failure(c.listSchemes(ctx, 0, "broken")) },
		"no_role": func() error {
			return failure(referralv1.NewReferralServiceClient(c.ppcReader).IssueReferral(ctx, issueRequest()))
		},
		"nothing_there": func() error {
			request := &referralv1.GetSchemeRequest{Name: "agencies/ppc/schemes/nothing-there"}
			return failure(referralv1.NewSchemeServiceClient(c.ppcIntake).GetScheme(ctx, request))
		},
		"request_id_reused": func() error { return c.reuseRequestID(ctx) },
		"stale_etag":        func() error { return c.useStaleEtag(ctx) },
		"unknown_cursor":    func() error { return failure(openWatch(ctx, c.ppcIntake, "unknown")) },
	}
	for name, expected := range c.expected.Errors {
		check(calls[name] != nil, "%s: there is no such call", name)
		expected.check(name, calls[name]())
	}
}

// reuseRequestID makes two different requests with one id.
func (c *Client) reuseRequestID(ctx context.Context) error {
	first, other := issueRequest(), issueRequest()
	other.RequestId = first.RequestId
	must(c.issue(ctx, first))
	return failure(c.issue(ctx, other))
}

// useStaleEtag changes a matter twice on the strength of one reading.
func (c *Client) useStaleEtag(ctx context.Context) error {
	asking := advicev1.NewAdviceAskingServiceClient(c.ppcCasework)
	read := must(asking.SubmitAdviceRequest(ctx, submitRequest()))
	must(asking.SupplementAdviceRequest(ctx, supplementRequest(read)))
	return failure(asking.SupplementAdviceRequest(ctx, supplementRequest(read)))
}

func (c *Client) retryInfo(ctx context.Context) {
	// The end of this context closes all watches.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for range c.expected.Retry.Watchers {
		must(openWatch(ctx, c.ppcAuditor, ""))
	}
	err := failure(openWatch(ctx, c.ppcAuditor, ""))
	c.expected.Retry.check("one watch too many", err)
	check(RefusalOf(err).RetryAfter > 0, "it is not said when to try again")
}

func (c *Client) messageLimit(ctx context.Context) {
	request := issueRequest()
	request.Report = strings.Repeat("1", c.expected.MessageLimit.Bytes)
	err := failure(c.issue(ctx, request))
	fmt.Fprintf(os.Stderr, "message_limit: %v\n", err)
	check(codeName(err) == c.expected.MessageLimit.Code, "found %v", err)
}

func (c *Client) deadline(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	// Not the caller of the watches that were closed before: the service may still count one of them.
	err := must(openWatch(ctx, c.ppcReader, "")).end()
	check(codeName(err) == c.expected.Deadline.Code, "found %v", err)
}

// certificates are refused in the handshake, about which the texts are those of this language, or by the first call.
func (c *Client) certificates(ctx context.Context) {
	try := func(name, expected string, config *tls.Config) {
		desk := must(dial(c.profile.PPC.Address, config))
		defer desk.Close()
		err := agreement(ctx, desk)
		fmt.Fprintf(os.Stderr, "certificates: %s: %v\n", name, err)
		check(codeName(err) == expected, "%s: found %v", name, err)
	}
	for name, expected := range c.expected.Certificates {
		try(name, expected, must(tlsConfig(filepath.Join(c.profile.Wrong, name), c.profile.PPC.ServerName)))
	}
	own := must(tlsConfig(filepath.Join(c.profile.PPC.Callers, "intake"), c.profile.PPC.ServerName))
	unavailable := code.Code_UNAVAILABLE.String()
	config := own.Clone()
	config.ServerName = "other.test"
	try("another server name", unavailable, config)
	config = own.Clone()
	config.Certificates = nil
	try("no certificate", unavailable, config)
	config = own.Clone()
	config.RootCAs = must(tlsConfig(filepath.Join(c.profile.IPA.Callers, "intake"), "")).RootCAs
	try("the other agency's roots", unavailable, config)
}

func (c *Client) listSchemes(
	ctx context.Context, size uint32, token string,
) (*referralv1.ListSchemesResponse, error) {
	request := &referralv1.ListSchemesRequest{Parent: "agencies/-", PageSize: size, PageToken: token}
	return referralv1.NewSchemeServiceClient(c.ppcIntake).ListSchemes(ctx, request)
}

func (c *Client) issue(
	ctx context.Context, request *referralv1.IssueReferralRequest,
) (*referralv1.IssueReferralResponse, error) {
	return referralv1.NewReferralServiceClient(c.ppcIntake).IssueReferral(ctx, request)
}

// agreement is a call that every system may make.
func agreement(ctx context.Context, desk *grpc.ClientConn) error {
	request := &agreementv1.GetAgreementRequest{Name: "agreement"}
	return failure(agreementv1.NewAgreementServiceClient(desk).GetAgreement(ctx, request))
}

// check asserts that a call was refused in full form.
func (it Refused) check(name string, err error) {
	refusal := RefusalOf(err)
	named := func(field Field, path string) bool { return field.Path == path }
	same := codeName(err) == it.Code && refusal.Reason == it.Reason && slices.EqualFunc(refusal.Fields, it.Fields, named)
	check(same, "%s: found %s %s %v", name, codeName(err), refusal.Reason, refusal.Fields)
	isJapanese := func(letter rune) bool { return unicode.In(letter, unicode.Han, unicode.Hiragana, unicode.Katakana) }
	spoken := refusal.Locale == "ja" && strings.ContainsFunc(refusal.Sentence, isJapanese)
	check(spoken, "%s: no sentence in Japanese: %q", name, refusal.Sentence)
	for _, field := range refusal.Fields {
		check(strings.ContainsFunc(field.Sentence, isJapanese), "%s: %s has no sentence", name, field.Path)
	}
	stated := refusal.Code != codes.FailedPrecondition || len(refusal.Preconditions) > 0
	check(stated, "%s: the precondition is not named", name)
}

// codeName is the name of a code in the contract, which is not that of this language.
func codeName(err error) string {
	return code.Code(status.Code(err)).String()
}

func equal[T proto.Message](found, expected []T) bool {
	return slices.EqualFunc(found, expected, func(one, other T) bool { return proto.Equal(one, other) })
}

// broken is the panic that ends a step, as the first failure ends a test.
type broken struct{ error }

func check(holds bool, format string, values ...any) {
	if !holds {
		panic(broken{fmt.Errorf(format, values...)})
	}
}

func done(err error) {
	if err != nil {
		panic(broken{err})
	}
}

func must[T any](answer T, err error) T {
	done(err)
	return answer
}

// failure is the error of a call that is to fail.
func failure[T any](answer T, err error) error {
	if err == nil {
		return errors.New("the call was answered")
	}
	return err
}
