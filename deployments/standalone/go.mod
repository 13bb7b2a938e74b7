module github.com/thueringencert/leitstelle/deployments/standalone

go 1.26.0

require github.com/thueringencert/leitstelle/shared v0.0.0

replace github.com/thueringencert/leitstelle/shared => ../../shared

require (
	github.com/thueringencert/leitstelle/services/directory v0.0.0
	github.com/thueringencert/leitstelle/services/intake v0.0.0
	github.com/thueringencert/leitstelle/services/notification v0.0.0
	github.com/thueringencert/leitstelle/services/triage v0.0.0
)

require (
	github.com/boombuler/barcode v1.0.1-0.20190219062509-6c824513bacc // indirect
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/chromedp/chromedp v0.23.0 // indirect
	github.com/compose-spec/compose-go/v2 v2.16.2 // indirect
	github.com/getkin/kin-openapi v0.152.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/go-openapi/jsonpointer v0.22.5 // indirect
	github.com/go-openapi/swag/jsonname v0.25.5 // indirect
	github.com/gorilla/mux v1.8.0 // indirect
	github.com/oasdiff/yaml v0.1.1 // indirect
	github.com/oasdiff/yaml3 v0.0.14 // indirect
	github.com/pquerna/otp v1.5.0 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	github.com/thueringencert/leitstelle/services/directory => ../../services/directory
	github.com/thueringencert/leitstelle/services/intake => ../../services/intake
	github.com/thueringencert/leitstelle/services/notification => ../../services/notification
	github.com/thueringencert/leitstelle/services/triage => ../../services/triage
)
