// SPDX-License-Identifier: EUPL-1.2

package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

func TestTheKindSurvivesWrapping(t *testing.T) {
	t.Parallel()
	conflict := fault.New(fault.Conflict, "case %s is closed", "V-1")
	for name, tt := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil":                {nil, ""},
		"itself":             {conflict, fault.Conflict},
		"wrapped":            {fmt.Errorf("close: %w", conflict), fault.Conflict},
		"joined":             {errors.Join(io.EOF, conflict), fault.Conflict},
		"anything else":      {io.EOF, fault.Internal},
		"wrapped by a fault": {fault.Wrap(fault.Unavailable, conflict, "later"), fault.Unavailable},
	} {
		if got := fault.KindOf(tt.err); got != tt.want {
			t.Errorf("%s: kind %q, want %q", name, got, tt.want)
		}
		if tt.want != "" && !fault.Is(tt.err, tt.want) {
			t.Errorf("%s: Is(%q) is false", name, tt.want)
		}
	}
	if fault.Is(nil, "") {
		t.Error("nil is of a kind")
	}
}

func TestTheCauseIsForTheLogAndTheMessageForTheClient(t *testing.T) {
	t.Parallel()
	f := fault.Wrap(fault.Unavailable, io.EOF, "the database does not answer").WithRetry(2 * time.Second)
	if f.Message != "the database does not answer" || f.Retry != 2*time.Second {
		t.Errorf("fault = %+v", f)
	}
	if got, want := f.Error(), "the database does not answer: EOF"; got != want || !errors.Is(f, io.EOF) {
		t.Errorf("Error = %q, want %q with its cause", got, want)
	}
}

func TestFieldsAreShownAllAtOnce(t *testing.T) {
	t.Parallel()
	var f fault.Fields
	if err := f.Err(); err != nil {
		t.Errorf("no mistakes = %v, want nil", err)
	}
	f.Add("affected", "intake.err.affected", "name a body")
	f.Add("what", "intake.err.what", "unknown")
	err := fmt.Errorf("submit: %w", f.Err())
	if fields := fault.FieldsOf(err); fault.KindOf(err) != fault.Invalid || len(fields) != 2 || fields[1].Name != "what" {
		t.Errorf("%v with %v, want invalid with both", err, fields)
	}
	if got, want := f.Err().Error(), "some fields need a correction; affected: name a body; what: unknown"; got != want {
		t.Errorf("Error = %q, want %q", got, want)
	}
	if fault.FieldsOf(io.EOF) != nil || fault.FieldsOf(nil) != nil {
		t.Error("another error has fields")
	}
}
