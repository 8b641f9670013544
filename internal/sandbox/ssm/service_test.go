package ssm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"serin/internal/sandbox/region"
)

const image = "ecs-blogpost-canary-yelb-ui-version"

func newStore() *Service {
	return New(region.Region{Account: "123456789012", Name: "us-west-2"})
}

func put(t *testing.T, s *Service, name, value string, change ...func(*ssm.PutParameterInput)) int64 {
	t.Helper()
	in := &ssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String(value), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
	}
	for _, c := range change {
		c(in)
	}
	out, err := s.PutParameter(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Version
}

func get(t *testing.T, s *Service, reference string) (*types.Parameter, error) {
	t.Helper()
	out, err := s.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(reference), WithDecryption: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Parameter, nil
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestVersionsAndSelectors(t *testing.T) {
	s := newStore()
	for i := range 3 {
		if got := put(t, s, image, fmt.Sprintf("uri:%d", i+1)); got != int64(i+1) {
			t.Errorf("put %d made version %d", i+1, got)
		}
	}
	if _, err := s.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{
		Name: aws.String(image), ParameterVersion: aws.Int64(2), Labels: []string{"stable"},
	}); err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]string{
		image: "uri:3 v3", image + ":1": "uri:1 v1", image + ":stable": "uri:2 v2",
		"arn:aws:ssm:us-west-2:123456789012:parameter/" + image: "uri:3 v3",
		image + ":4": "ParameterVersionNotFound", image + ":none": "ParameterVersionNotFound", "none": "ParameterNotFound",
	} {
		got, err := get(t, s, reference)
		text := codeOf(err)
		if err == nil {
			text = fmt.Sprintf("%s v%d", *got.Value, got.Version)
		}
		if text != want {
			t.Errorf("%s: got %s, want %s", reference, text, want)
		}
	}
}

func TestSecureStringIsShownOnlyWithDecryption(t *testing.T) {
	s := newStore()
	put(t, s, image, "secret")
	out, err := s.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(image)})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Parameter.Value == "secret" || out.Parameter.Type != types.ParameterTypeSecureString {
		t.Errorf("got %s of type %s", *out.Parameter.Value, out.Parameter.Type)
	}
}

func TestHundredVersionsAreKeptUnlessTheOldestBearsALabel(t *testing.T) {
	s := newStore()
	for range 101 {
		put(t, s, image, "uri")
	}
	if _, err := get(t, s, image+":1"); codeOf(err) != "ParameterVersionNotFound" {
		t.Errorf("version 1: %v", err)
	}
	label := &ssm.LabelParameterVersionInput{Name: aws.String(image), ParameterVersion: aws.Int64(2), Labels: []string{"keep"}}
	if _, err := s.LabelParameterVersion(t.Context(), label); err != nil {
		t.Fatal(err)
	}
	again := &ssm.PutParameterInput{Name: aws.String(image), Value: aws.String("uri"), Overwrite: aws.Bool(true)}
	if _, err := s.PutParameter(t.Context(), again); codeOf(err) != "ParameterMaxVersionLimitExceeded" {
		t.Errorf("with a label on the oldest: %v", err)
	}
	label.ParameterVersion = nil
	if _, err := s.LabelParameterVersion(t.Context(), label); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutParameter(t.Context(), again); err != nil {
		t.Errorf("after the label moved: %v", err)
	}
}

func TestHistoryPages(t *testing.T) {
	s := newStore()
	for i := range 5 {
		put(t, s, image, fmt.Sprint(i+1))
	}
	in := &ssm.GetParameterHistoryInput{Name: aws.String(image), MaxResults: aws.Int32(2), WithDecryption: aws.Bool(true)}
	var values []string
	for {
		out, err := s.GetParameterHistory(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out.Parameters {
			values = append(values, *v.Value)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if got := strings.Join(values, " "); got != "1 2 3 4 5" {
		t.Errorf("got %s", got)
	}
}

func TestHistoryHasLabelsAndKeepsSecrets(t *testing.T) {
	s := newStore()
	put(t, s, image, "uri:1")
	put(t, s, image, "uri:2")
	if _, err := s.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{
		Name: aws.String(image), ParameterVersion: aws.Int64(1), Labels: []string{"stable"},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := s.GetParameterHistory(t.Context(), &ssm.GetParameterHistoryInput{Name: aws.String(image)})
	if err != nil || len(out.Parameters) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	for i, v := range out.Parameters {
		labelled := slices.Equal(v.Labels, []string{"stable"})
		if strings.Contains(*v.Value, "uri") || labelled != (i == 0) || v.Version != int64(i+1) || v.LastModifiedDate == nil || *v.LastModifiedUser == "" {
			t.Errorf("version %d is %+v", i+1, v)
		}
	}
	for name, in := range map[string]*ssm.GetParameterHistoryInput{
		"ParameterNotFound":   {Name: aws.String("none")},
		"InvalidNextToken":    {Name: aws.String(image), NextToken: aws.String("!")},
		"ValidationException": {Name: aws.String(image), MaxResults: aws.Int32(51)},
	} {
		if _, err := s.GetParameterHistory(t.Context(), in); codeOf(err) != name {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestParametersByPath(t *testing.T) {
	s := newStore()
	for _, name := range []string{"/app/a", "/app/b", "/app/deep/c", "/apple", "d"} {
		put(t, s, name, "x")
	}
	for _, c := range []struct {
		recursive bool
		want      string
	}{{false, "/app/a /app/b"}, {true, "/app/a /app/b /app/deep/c"}} {
		in := &ssm.GetParametersByPathInput{Path: aws.String("/app/"), Recursive: aws.Bool(c.recursive), MaxResults: aws.Int32(2)}
		var names []string
		for {
			out, err := s.GetParametersByPath(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range out.Parameters {
				names = append(names, *p.Name)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("recursive %v: got %s", c.recursive, got)
		}
	}
}

func TestDescribeParametersFilters(t *testing.T) {
	s := newStore()
	put(t, s, "/app/a", "x")
	put(t, s, "plain", "x", func(in *ssm.PutParameterInput) {
		in.Type, in.Overwrite = types.ParameterTypeString, nil
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}
	})
	filter := func(key, option string, values ...string) types.ParameterStringFilter {
		return types.ParameterStringFilter{Key: aws.String(key), Option: aws.String(option), Values: values}
	}
	for _, c := range []struct {
		filter types.ParameterStringFilter
		want   string
	}{
		{filter("Name", "BeginsWith", "pl"), "plain"},
		{filter("Name", "Contains", "app"), "/app/a"},
		{filter("Type", "Equals", "SecureString"), "/app/a"},
		{filter("Path", "Recursive", "/"), "/app/a"},
		{filter("tag:team", "Equals", "shop"), "plain"},
		{filter("KeyId", "Equals", "alias/aws/ssm"), "/app/a"},
	} {
		out, err := s.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{c.filter}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Parameters) != 1 || *out.Parameters[0].Name != c.want {
			t.Errorf("%s %s: got %d", *c.filter.Key, *c.filter.Option, len(out.Parameters))
		}
	}
}

func TestRefusedWrites(t *testing.T) {
	s := newStore()
	put(t, s, "exists", "x")
	for name, c := range map[string]struct {
		change func(*ssm.PutParameterInput)
		want   string
	}{
		"exists":          {func(in *ssm.PutParameterInput) { in.Name = aws.String("exists") }, "ParameterAlreadyExists"},
		"reserved":        {func(in *ssm.PutParameterInput) { in.Name = aws.String("/AWS/x") }, "ValidationException"},
		"bad characters":  {func(in *ssm.PutParameterInput) { in.Name = aws.String("a b") }, "ValidationException"},
		"too deep":        {func(in *ssm.PutParameterInput) { in.Name = aws.String(strings.Repeat("/a", 16)) }, "HierarchyLevelLimitExceededException"},
		"no type":         {func(in *ssm.PutParameterInput) { in.Type = "" }, "ValidationException"},
		"unknown type":    {func(in *ssm.PutParameterInput) { in.Type = "Number" }, "UnsupportedParameterType"},
		"empty":           {func(in *ssm.PutParameterInput) { in.Value = aws.String("") }, "ValidationException"},
		"too long":        {func(in *ssm.PutParameterInput) { in.Value = aws.String(strings.Repeat("x", 4097)) }, "ValidationException"},
		"pattern":         {func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`\d+`) }, "ParameterPatternMismatchException"},
		"bad pattern":     {func(in *ssm.PutParameterInput) { in.AllowedPattern = aws.String(`(`) }, "InvalidAllowedPatternException"},
		"tags on a write": {func(in *ssm.PutParameterInput) { in.Overwrite = aws.Bool(true); in.Tags = []types.Tag{{}} }, "ValidationException"},
		"another type": {func(in *ssm.PutParameterInput) {
			in.Name, in.Overwrite, in.Type = aws.String("exists"), aws.Bool(true), types.ParameterTypeString
		}, "HierarchyTypeMismatchException"},
	} {
		in := &ssm.PutParameterInput{Name: aws.String("new"), Value: aws.String("x"), Type: types.ParameterTypeSecureString}
		c.change(in)
		if _, err := s.PutParameter(t.Context(), in); codeOf(err) != c.want {
			t.Errorf("%s: got %s, want %s", name, codeOf(err), c.want)
		}
	}
	if _, err := get(t, s, "new"); codeOf(err) != "ParameterNotFound" {
		t.Errorf("a refused write left something: %v", err)
	}
}

func TestLongValueGoesToTheAdvancedTierAndStaysThere(t *testing.T) {
	s := newStore()
	put(t, s, image, strings.Repeat("x", 4097), func(in *ssm.PutParameterInput) { in.Tier = types.ParameterTierIntelligentTiering })
	out, err := s.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(image), Value: aws.String("short"), Overwrite: aws.Bool(true),
	})
	if err != nil || out.Tier != types.ParameterTierAdvanced {
		t.Errorf("got %v, %v", out, err)
	}
}

func TestDeletion(t *testing.T) {
	s := newStore()
	put(t, s, "a", "x")
	put(t, s, "b", "x")
	out, err := s.DeleteParameters(t.Context(), &ssm.DeleteParametersInput{Names: []string{"a", "none"}})
	if err != nil || fmt.Sprint(out.DeletedParameters, out.InvalidParameters) != "[a] [none]" {
		t.Errorf("got %+v, %v", out, err)
	}
	if _, err := s.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("b")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("b")}); codeOf(err) != "ParameterNotFound" {
		t.Errorf("second deletion: %v", err)
	}
	many, err := s.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"a", "b"}})
	if err != nil || len(many.Parameters) != 0 || len(many.InvalidParameters) != 2 {
		t.Errorf("got %+v, %v", many, err)
	}
}

func TestLabelsMoveAndAreTakenOff(t *testing.T) {
	s := newStore()
	put(t, s, image, "1")
	put(t, s, image, "2")
	label := func(version int64, labels ...string) []string {
		t.Helper()
		out, err := s.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{
			Name: aws.String(image), ParameterVersion: aws.Int64(version), Labels: labels,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.InvalidLabels
	}
	if invalid := label(1, "stable", "1st", "aws-x"); fmt.Sprint(invalid) != "[1st aws-x]" {
		t.Errorf("invalid labels %v", invalid)
	}
	label(2, "stable")
	if got, err := get(t, s, image+":stable"); err != nil || got.Version != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	out, err := s.UnlabelParameterVersion(t.Context(), &ssm.UnlabelParameterVersionInput{
		Name: aws.String(image), ParameterVersion: aws.Int64(2), Labels: []string{"stable", "other"},
	})
	if err != nil || fmt.Sprint(out.RemovedLabels, out.InvalidLabels) != "[stable] [other]" {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestTags(t *testing.T) {
	s := newStore()
	put(t, s, image, "1")
	id, kind := aws.String(image), types.ResourceTypeForTaggingParameter
	_, err := s.AddTagsToResource(t.Context(), &ssm.AddTagsToResourceInput{
		ResourceId: id, ResourceType: kind, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RemoveTagsFromResource(t.Context(), &ssm.RemoveTagsFromResourceInput{ResourceId: id, ResourceType: kind, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	out, err := s.ListTagsForResource(t.Context(), &ssm.ListTagsForResourceInput{ResourceId: id, ResourceType: kind})
	if err != nil || len(out.TagList) != 1 || *out.TagList[0].Key != "b" {
		t.Errorf("got %+v, %v", out, err)
	}
	if _, err := s.ListTagsForResource(t.Context(), &ssm.ListTagsForResourceInput{ResourceId: aws.String("none"), ResourceType: kind}); codeOf(err) != "InvalidResourceId" {
		t.Errorf("got %v", err)
	}
}
