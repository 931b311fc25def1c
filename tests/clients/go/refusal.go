package main

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Refusal is what a service says about a call that it does not answer.
type Refusal struct {
	Code codes.Code
	// Reason is the name of a renkei.options.v1.Reason without its prefix. It is empty if the status comes from the
	// transport and not from the service: then nothing is known about the call, and a repeat needs the same request id.
	Reason   string
	Metadata map[string]string
	// Locale and Sentence are for the official.
	Locale, Sentence string
	// Fields are those that are wrong, in the order of the contract.
	Fields        []Field
	Preconditions []*errdetails.PreconditionFailure_Violation
	// RetryAfter is zero if a repeat of the same call would not help.
	RetryAfter time.Duration
}

// Field is a field that is wrong: its path, and the sentence to show the official beside it.
type Field struct{ Path, Sentence string }

// RefusalOf reads the details of an error. The code is OK if there is no error.
func RefusalOf(err error) Refusal {
	it := status.Convert(err)
	refusal := Refusal{Code: it.Code()}
	for _, detail := range it.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain == "renkei" {
				refusal.Reason, refusal.Metadata = detail.Reason, detail.Metadata
			}
		case *errdetails.LocalizedMessage:
			refusal.Locale, refusal.Sentence = detail.Locale, detail.Message
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				field := Field{Path: violation.Field, Sentence: violation.GetLocalizedMessage().GetMessage()}
				refusal.Fields = append(refusal.Fields, field)
			}
		case *errdetails.PreconditionFailure:
			refusal.Preconditions = detail.Violations
		case *errdetails.RetryInfo:
			refusal.RetryAfter = detail.RetryDelay.AsDuration()
		}
	}
	return refusal
}
