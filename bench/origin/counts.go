package origin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Counts returns what was asked for since Reset, by path.
func (o *Origin) Counts(ctx context.Context) (map[string]Count, error) {
	body, err := o.ask(ctx, http.MethodGet, "/counts")
	if err != nil {
		return nil, err
	}
	var paths map[string]Count
	if err := json.Unmarshal(body, &paths); err != nil {
		return nil, fmt.Errorf("the origin's counts: %w", err)
	}
	return paths, nil
}
