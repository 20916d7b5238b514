// Original file: herald/converter/v1/converter.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ConvertRequest as _herald_converter_v1_ConvertRequest, ConvertRequest__Output as _herald_converter_v1_ConvertRequest__Output } from '../../../herald/converter/v1/ConvertRequest.js';
import type { ConvertResponse as _herald_converter_v1_ConvertResponse, ConvertResponse__Output as _herald_converter_v1_ConvertResponse__Output } from '../../../herald/converter/v1/ConvertResponse.js';
import type { EstimateManyRequest as _herald_converter_v1_EstimateManyRequest, EstimateManyRequest__Output as _herald_converter_v1_EstimateManyRequest__Output } from '../../../herald/converter/v1/EstimateManyRequest.js';
import type { EstimateManyResponse as _herald_converter_v1_EstimateManyResponse, EstimateManyResponse__Output as _herald_converter_v1_EstimateManyResponse__Output } from '../../../herald/converter/v1/EstimateManyResponse.js';
import type { EstimateRequest as _herald_converter_v1_EstimateRequest, EstimateRequest__Output as _herald_converter_v1_EstimateRequest__Output } from '../../../herald/converter/v1/EstimateRequest.js';
import type { EstimateResponse as _herald_converter_v1_EstimateResponse, EstimateResponse__Output as _herald_converter_v1_EstimateResponse__Output } from '../../../herald/converter/v1/EstimateResponse.js';
import type { ListFormatsRequest as _herald_converter_v1_ListFormatsRequest, ListFormatsRequest__Output as _herald_converter_v1_ListFormatsRequest__Output } from '../../../herald/converter/v1/ListFormatsRequest.js';
import type { ListFormatsResponse as _herald_converter_v1_ListFormatsResponse, ListFormatsResponse__Output as _herald_converter_v1_ListFormatsResponse__Output } from '../../../herald/converter/v1/ListFormatsResponse.js';

/**
 * Turns an uploaded file into renditions.
 * 
 * A failed call carries the trailers `herald-error-code` (one of the codes in
 * `proto/src/errors.ts`) and, if the message does not say what to do, `herald-error-remedy`
 * (UTF-8, with `%` and what is not printable ASCII percent-encoded). After HERALD_BUSY and
 * HERALD_SHUTTING_DOWN, retry with a growing delay.
 */
export interface ConverterServiceClient extends grpc.Client {
  /**
   * Converts one file.
   * 
   * The client sends a ConversionSpec, waits for `admitted`, then sends the file's
   * bytes as chunks and half-closes. The server may refuse on the spec alone, before
   * any chunk is taken. It answers, in this order: `admitted`; any number of
   * `progress`, at any time from then on, at least every ten seconds while nothing else
   * is sent; for each rendition, in the order they finish, one `header`, its `chunk`s
   * without those of another rendition between them, and one `rendition` summary; finally
   * one `summary`. A spec with `every_page` gives one rendition for each page; they share
   * an index and differ in `page`.
   */
  Convert(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_ConvertRequest, _herald_converter_v1_ConvertResponse__Output>;
  Convert(options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_ConvertRequest, _herald_converter_v1_ConvertResponse__Output>;
  /**
   * Converts one file.
   * 
   * The client sends a ConversionSpec, waits for `admitted`, then sends the file's
   * bytes as chunks and half-closes. The server may refuse on the spec alone, before
   * any chunk is taken. It answers, in this order: `admitted`; any number of
   * `progress`, at any time from then on, at least every ten seconds while nothing else
   * is sent; for each rendition, in the order they finish, one `header`, its `chunk`s
   * without those of another rendition between them, and one `rendition` summary; finally
   * one `summary`. A spec with `every_page` gives one rendition for each page; they share
   * an index and differ in `page`.
   */
  convert(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_ConvertRequest, _herald_converter_v1_ConvertResponse__Output>;
  convert(options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_ConvertRequest, _herald_converter_v1_ConvertResponse__Output>;
  
  /**
   * Reports what a conversion would make, roughly how long it would take, and whether it
   * exceeds a limit on bytes, pixels or pages. The stream is that of Convert, but the client
   * does not wait for `admitted`: the server answers as soon as it has read enough of the
   * file, and reads no more of it.
   */
  Estimate(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  Estimate(metadata: grpc.Metadata, callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  Estimate(options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  Estimate(callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  /**
   * Reports what a conversion would make, roughly how long it would take, and whether it
   * exceeds a limit on bytes, pixels or pages. The stream is that of Convert, but the client
   * does not wait for `admitted`: the server answers as soon as it has read enough of the
   * file, and reads no more of it.
   */
  estimate(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  estimate(metadata: grpc.Metadata, callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  estimate(options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  estimate(callback: grpc.requestCallback<_herald_converter_v1_EstimateResponse__Output>): grpc.ClientWritableStream<_herald_converter_v1_EstimateRequest>;
  
  /**
   * Estimate for many files in one call. For each file the client sends a ConversionSpec, then
   * chunks; the next spec, or the end of the stream, ends the file. The server answers each file
   * once, as soon as it has read enough of it, and not always in the order of the specs; it drops
   * the chunks it does not need. An error of one file does not fail the call.
   */
  EstimateMany(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_EstimateManyRequest, _herald_converter_v1_EstimateManyResponse__Output>;
  EstimateMany(options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_EstimateManyRequest, _herald_converter_v1_EstimateManyResponse__Output>;
  /**
   * Estimate for many files in one call. For each file the client sends a ConversionSpec, then
   * chunks; the next spec, or the end of the stream, ends the file. The server answers each file
   * once, as soon as it has read enough of it, and not always in the order of the specs; it drops
   * the chunks it does not need. An error of one file does not fail the call.
   */
  estimateMany(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_EstimateManyRequest, _herald_converter_v1_EstimateManyResponse__Output>;
  estimateMany(options?: grpc.CallOptions): grpc.ClientDuplexStream<_herald_converter_v1_EstimateManyRequest, _herald_converter_v1_EstimateManyResponse__Output>;
  
  /**
   * Returns what this server can currently read and write.
   */
  ListFormats(argument: _herald_converter_v1_ListFormatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  ListFormats(argument: _herald_converter_v1_ListFormatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  ListFormats(argument: _herald_converter_v1_ListFormatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  ListFormats(argument: _herald_converter_v1_ListFormatsRequest, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Returns what this server can currently read and write.
   */
  listFormats(argument: _herald_converter_v1_ListFormatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  listFormats(argument: _herald_converter_v1_ListFormatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  listFormats(argument: _herald_converter_v1_ListFormatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  listFormats(argument: _herald_converter_v1_ListFormatsRequest, callback: grpc.requestCallback<_herald_converter_v1_ListFormatsResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Turns an uploaded file into renditions.
 * 
 * A failed call carries the trailers `herald-error-code` (one of the codes in
 * `proto/src/errors.ts`) and, if the message does not say what to do, `herald-error-remedy`
 * (UTF-8, with `%` and what is not printable ASCII percent-encoded). After HERALD_BUSY and
 * HERALD_SHUTTING_DOWN, retry with a growing delay.
 */
export interface ConverterServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Converts one file.
   * 
   * The client sends a ConversionSpec, waits for `admitted`, then sends the file's
   * bytes as chunks and half-closes. The server may refuse on the spec alone, before
   * any chunk is taken. It answers, in this order: `admitted`; any number of
   * `progress`, at any time from then on, at least every ten seconds while nothing else
   * is sent; for each rendition, in the order they finish, one `header`, its `chunk`s
   * without those of another rendition between them, and one `rendition` summary; finally
   * one `summary`. A spec with `every_page` gives one rendition for each page; they share
   * an index and differ in `page`.
   */
  Convert: grpc.handleBidiStreamingCall<_herald_converter_v1_ConvertRequest__Output, _herald_converter_v1_ConvertResponse>;
  
  /**
   * Reports what a conversion would make, roughly how long it would take, and whether it
   * exceeds a limit on bytes, pixels or pages. The stream is that of Convert, but the client
   * does not wait for `admitted`: the server answers as soon as it has read enough of the
   * file, and reads no more of it.
   */
  Estimate: grpc.handleClientStreamingCall<_herald_converter_v1_EstimateRequest__Output, _herald_converter_v1_EstimateResponse>;
  
  /**
   * Estimate for many files in one call. For each file the client sends a ConversionSpec, then
   * chunks; the next spec, or the end of the stream, ends the file. The server answers each file
   * once, as soon as it has read enough of it, and not always in the order of the specs; it drops
   * the chunks it does not need. An error of one file does not fail the call.
   */
  EstimateMany: grpc.handleBidiStreamingCall<_herald_converter_v1_EstimateManyRequest__Output, _herald_converter_v1_EstimateManyResponse>;
  
  /**
   * Returns what this server can currently read and write.
   */
  ListFormats: grpc.handleUnaryCall<_herald_converter_v1_ListFormatsRequest__Output, _herald_converter_v1_ListFormatsResponse>;
  
}

export interface ConverterServiceDefinition extends grpc.ServiceDefinition {
  Convert: MethodDefinition<_herald_converter_v1_ConvertRequest, _herald_converter_v1_ConvertResponse, _herald_converter_v1_ConvertRequest__Output, _herald_converter_v1_ConvertResponse__Output>
  Estimate: MethodDefinition<_herald_converter_v1_EstimateRequest, _herald_converter_v1_EstimateResponse, _herald_converter_v1_EstimateRequest__Output, _herald_converter_v1_EstimateResponse__Output>
  EstimateMany: MethodDefinition<_herald_converter_v1_EstimateManyRequest, _herald_converter_v1_EstimateManyResponse, _herald_converter_v1_EstimateManyRequest__Output, _herald_converter_v1_EstimateManyResponse__Output>
  ListFormats: MethodDefinition<_herald_converter_v1_ListFormatsRequest, _herald_converter_v1_ListFormatsResponse, _herald_converter_v1_ListFormatsRequest__Output, _herald_converter_v1_ListFormatsResponse__Output>
}
