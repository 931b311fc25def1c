package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	advicev1 "renkei.dev/gen/go/renkei/advice/v1"
	referralv1 "renkei.dev/gen/go/renkei/referral/v1"
	sharingv1 "renkei.dev/gen/go/renkei/sharing/v1"
	typev1 "renkei.dev/gen/go/renkei/type/v1"
)

// known is an instant before those of the sandbox, whose clock is not the present one.
var known = timestamppb.New(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))

// issueRequest refers the reporter of a fresh report.
func issueRequest() *referralv1.IssueReferralRequest {
	return &referralv1.IssueReferralRequest{
		RequestId:     uuid.NewString(),
		Report:        fmt.Sprintf("2026-%06d", rand.IntN(1_000_000)),
		ReportedUnder: "agencies/ppc/schemes/leak-report-private",
		Judgement: &typev1.Judgement{
			Finding:   typev1.Finding_FINDING_APPLIES,
			Ground:    typev1.Ground_GROUND_TRACES,
			Certainty: typev1.Certainty_CERTAINTY_CONFIRMED,
			JudgedAt:  known,
		},
		ScopeFacts: &referralv1.ScopeFacts{
			Electronic:          true,
			PersonalInformation: true,
			Kind:                typev1.IncidentKind_INCIDENT_KIND_ACCESS,
			Reporter:            typev1.ReporterKind_REPORTER_KIND_BUSINESS,
		},
		Language: typev1.Language_LANGUAGE_JA,
		WithCode: true,
	}
}

func submitRequest() *advicev1.SubmitAdviceRequestRequest {
	return &advicev1.SubmitAdviceRequestRequest{
		RequestId: uuid.NewString(),
		Title:     "改ざんされた決済画面",
		Purposes:  []advicev1.AdvicePurpose{advicev1.AdvicePurpose_ADVICE_PURPOSE_ROOT_CAUSE},
		Urgency:   advicev1.Urgency_URGENCY_NORMAL,
		Submission: &advicev1.Submission{
			Facts:     []*typev1.Statement{statement("決済画面が改ざんされた")},
			Questions: []string{"何を保全するか"},
		},
	}
}

func supplementRequest(it *advicev1.AdviceRequest) *advicev1.SupplementAdviceRequestRequest {
	return &advicev1.SupplementAdviceRequestRequest{
		RequestId:  uuid.NewString(),
		Name:       it.Name,
		Etag:       it.Etag,
		Submission: &advicev1.Submission{Facts: []*typev1.Statement{statement("追加の事実")}},
	}
}

func publishRequest() *sharingv1.PublishItemRequest {
	return &sharingv1.PublishItemRequest{
		RequestId: uuid.NewString(),
		// No narrower scope is designated: the item is for the other party, for any purpose.
		Terms: &sharingv1.ItemTerms{
			Scope: &typev1.Scope{Scope: &typev1.Scope_Undesignated{Undesignated: &typev1.Undesignated{}}},
		},
		Content: &sharingv1.ItemContent{Item: &sharingv1.ItemContent_ThreatInformation{
			ThreatInformation: &sharingv1.ThreatInformation{Text: &sharingv1.ItemText{
				Title:     "改ざんの手口",
				Body:      "# 改ざんの手口",
				Language:  typev1.Language_LANGUAGE_JA,
				Certainty: typev1.Certainty_CERTAINTY_ESTIMATED,
				AsOf:      known,
			}},
		}},
	}
}

func statement(text string) *typev1.Statement {
	return &typev1.Statement{Text: text, Certainty: typev1.Certainty_CERTAINTY_CONFIRMED, AsOf: known}
}
