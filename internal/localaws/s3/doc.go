// Package s3 is the object store of the local endpoint: the S3 API of
// johannesboyne/gofakes3 on a backend that survives kill -9.
//
//	service, err := s3.New(database, dir, s3.Options{})
//	http.Handle("/", service) // path-style: /<bucket>/<key>
//
// # The backend
//
// An object is a row in SQLite and a file under dir. The file is written first,
// under a name that nothing else uses; the row that names it is committed
// second, and with it the object exists. A killed endpoint leaves at most files
// without a row, which the next one removes. gofakes3's own backends do not
// fit: s3mem forgets, s3bolt holds whole objects in memory and keeps the
// metadata of an overwritten object, s3afero checks no preconditions atomically.
// Parts of an upload are files and rows like objects.
//
// # In front of gofakes3
//
// It takes a request for a subresource that it does not know (?tagging, ?acl,
// ?lifecycle …) for one without: PUT /bucket/key?tagging would overwrite the
// object. Those are refused by name here, with NotImplemented. Bodies in
// aws-chunked encoding, which some SDKs send, are decoded here in all variants.
//
// # Not like AWS
//
// Signatures are not checked. Creating a bucket twice is
// BucketAlreadyOwnedByYou, as in every region but us-east-1. The ETag of an
// object uploaded in parts is its MD5. No versions.
package s3
