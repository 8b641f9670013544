// Package analysis turns evidence into verdicts. Its policies are pure functions: the
// same evidence and the same time give the same verdict.
//
// It imports the standard library only.
package analysis

import (
	"slices"
	"time"
)

// Classes is how many classes of response codes there are: 1xx to 5xx.
const Classes = 5

// Bucket is what one version answered in one metric period.
type Bucket struct {
	// Start is the beginning of the period.
	Start time.Time `json:"start"`
	// Counts are the responses by class: Counts[0] is 1xx, Counts[4] is 5xx.
	Counts [Classes]float64 `json:"counts"`
}

// Total is the number of responses of every class.
func (b Bucket) Total() float64 {
	var total float64
	for _, count := range b.Counts {
		total += count
	}
	return total
}

// Class is the number of responses of one class, 1 to 5; 0 for any other.
func (b Bucket) Class(class int) float64 {
	if class < 1 || class > Classes {
		return 0
	}
	return b.Counts[class-1]
}

// Since keeps the buckets that start at or after a time. They are ascending; the slice
// is shared.
func Since(buckets []Bucket, from time.Time) []Bucket {
	first, _ := slices.BinarySearchFunc(buckets, from, func(bucket Bucket, from time.Time) int {
		return bucket.Start.Compare(from)
	})
	return buckets[first:]
}

// Sum adds buckets up; the result's Start is the first one's.
func Sum(buckets []Bucket) Bucket {
	var sum Bucket
	for i, bucket := range buckets {
		if i == 0 {
			sum.Start = bucket.Start
		}
		for class := range bucket.Counts {
			sum.Counts[class] += bucket.Counts[class]
		}
	}
	return sum
}
