/**
 * An app that knows only api.openai.com.  Prints a line for each answer: HTTP version, status, and its body.
 * Arguments: the bodies to send, if not those of a whole answer and of a streamed one.
 */

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class Chat {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        for (var body : args.length > 0 ? args : new String[] {hello(""), hello(",\"stream\":true")}) {
            ask(body);
        }
    }

    private static String hello(String more) {
        return "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]" + more + "}";
    }

    private static void ask(String body) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("https://api.openai.com/v1/chat/completions"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-hardcoded-in-the-app")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        var answer = CLIENT.send(request, BodyHandlers.ofString());
        var line = answer.body().replace("\n", "|");
        System.out.println(answer.version() + " " + answer.statusCode() + " " + line);
    }
}
