module github.com/thueringencert/leitstelle/services/triage

go 1.26.0

require (
	filippo.io/age v1.3.2
	github.com/google/go-cmp v0.7.0
	github.com/google/uuid v1.6.0
	github.com/labstack/echo/v4 v4.16.0
	github.com/lib/pq v1.12.3
	github.com/thueringencert/leitstelle/shared v0.0.0
	go.uber.org/zap v1.28.0
)

replace github.com/thueringencert/leitstelle/shared => ../../shared
